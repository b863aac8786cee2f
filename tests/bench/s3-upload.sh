# shellcheck shell=bash
# s3-partition into S3 beside the AWS CLI and rclone: the same small objects to the same server (s3rver, without the gate
# of the tests, which would be slower than any of them). Each of the peers copies files that are there already;
# s3-partition makes them of records, packs them, and looks at what is there before.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/s3.sh"
s3_alone

export RCLONE_CONFIG_S3_TYPE=s3 RCLONE_CONFIG_S3_PROVIDER=Other RCLONE_CONFIG_S3_ENV_AUTH=true
export RCLONE_CONFIG_S3_ENDPOINT=$AWS_ENDPOINT_URL_S3 RCLONE_CONFIG_S3_FORCE_PATH_STYLE=true RCLONE_CONFIG=/dev/null
export AWS_DEFAULT_REGION=$AWS_REGION
exec python3 "$TOP/tests/bench/s3-upload.py" "$work"
