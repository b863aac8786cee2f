# once
# The gate that the other tests rely on: somebody else's client passes, and only with the right keys and clock.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
gate_start

aws_cli() { AWS_PAGER='' /usr/bin/aws --endpoint-url "$GATE" --region us-east-1 "$@"; }
passes "the gate lets the AWS CLI pass" aws_cli dynamodb list-tables
AWS_SECRET_ACCESS_KEY=wrong fails "and not with a wrong secret" 254 aws_cli dynamodb list-tables
like "$(cat "$work/.err")" 'signature we calculated does not match' "saying why"
AWS_ACCESS_KEY_ID=NOBODY fails "nor with an unknown key" 254 aws_cli dynamodb list-tables
gate_clock 3600
AWS_MAX_ATTEMPTS=1 fails "nor an hour late" 254 aws_cli s3api list-buckets

done_testing
