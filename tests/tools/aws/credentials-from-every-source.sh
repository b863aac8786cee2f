# Credentials: from wherever AWS tools take them, in their order; renewed; and what is said without.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_probe.sh"
gate_start
SECRET=$AWS_SECRET_ACCESS_KEY
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
mkdir -p "$HOME/.aws"

asks "none at all: where they were looked for" 78 'no AWS credentials: not in the environment' "${LIST[@]}"
AWS_ACCESS_KEY_ID=AKIDEXAMPLE asks "half of a pair" 78 'AWS_ACCESS_KEY_ID is set without' "${LIST[@]}"

cat >"$HOME/.aws/credentials" <<EOF
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = $SECRET
[reader]
aws_access_key_id = READONLY
aws_secret_access_key = $SECRET
[wrong]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wrong
EOF
cat >"$HOME/.aws/config" <<EOF
[profile reader]
region = us-east-1
[profile role]
role_arn = arn:aws:iam::123456789012:role/writer
source_profile = reader
external_id = 7
duration_seconds = 900
[profile role-of-role]
role_arn = arn:aws:iam::123456789012:role/second
source_profile = role
[profile round]
role_arn = arn:aws:iam::123456789012:role/round
source_profile = round-again
[profile round-again]
role_arn = arn:aws:iam::123456789012:role/round
source_profile = round
[profile by-environment]
role_arn = arn:aws:iam::123456789012:role/env
credential_source = Environment
[profile by-container]
role_arn = arn:aws:iam::123456789012:role/container
credential_source = EcsContainer
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/mfa
source_profile = reader
mfa_serial = arn:aws:iam::123456789012:mfa/x
[profile sso]
sso_session = corp
[profile process]
credential_process = $work/process "one word" --two
[profile process-fails]
credential_process = sh -c "echo oops >&2; exit 3"
[profile process-garbage]
credential_process = echo secret-thing
[profile web]
role_arn = arn:aws:iam::123456789012:role/web
web_identity_token_file = $work/token
[profile nobody]
region = us-east-1
EOF
printf '%s\n' '#!/bin/sh' '[ "$1" = "one word" ] && [ "$2" = --two ] || exit 1' \
    "echo '{\"Version\": 1, \"AccessKeyId\": \"AKIDEXAMPLE\", \"SecretAccessKey\": \"$SECRET\"}'" >"$work/process"
chmod +x "$work/process"
echo identity-token >"$work/token"

asks "the default profile" 0 '^200' "${LIST[@]}"
AWS_PROFILE=wrong asks "another one" 77 'credentials: profile "wrong"' "${LIST[@]}"
AWS_PROFILE=none asks "one that is not there" 78 'profile "none": neither in' "${LIST[@]}"
AWS_PROFILE=role asks "a role, taken with the keys of a profile" 0 '^200' "${LIST[@]}"
is "$(gate_seen '.requests["AssumeRole arn:aws:iam::123456789012:role/writer"]')" 1 "by STS"
AWS_PROFILE=role-of-role asks "a role taken by a role" 0 '^200' "${LIST[@]}"
AWS_PROFILE=round asks "round and round" 78 'goes round' "${LIST[@]}"
AWS_PROFILE=mfa asks "MFA: the way out" 78 'MFA' "${LIST[@]}"
AWS_PROFILE=sso asks "SSO: the way out" 78 'export-credentials --profile sso' "${LIST[@]}"
AWS_PROFILE=process asks "a process" 0 '^200' "${LIST[@]}"
AWS_PROFILE=process-fails asks "one that fails" 78 'exit status 3' "${LIST[@]}"
AWS_PROFILE=process-garbage asks "one that prints something else" 78 'not a JSON object' "${LIST[@]}"
is "$(grep -c secret-thing "$work/out")" 0 "which is not repeated"
AWS_PROFILE=web asks "a web identity, by a profile" 0 '^200' "${LIST[@]}"
AWS_WEB_IDENTITY_TOKEN_FILE=$work/token AWS_ROLE_ARN=arn:aws:iam::1:role/env-web AWS_PROFILE=nobody \
    asks "and by the environment" 0 '^200' "${LIST[@]}"
echo another >"$work/token"
AWS_PROFILE=web asks "with a token that is refused" 77 'STS: InvalidIdentityToken' "${LIST[@]}"
AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=$SECRET AWS_PROFILE=by-environment \
    asks "keys of the environment come first" 0 '^200' "${LIST[@]}"
is "$(gate_seen '.requests["AssumeRole arn:aws:iam::123456789012:role/env"]')" null "no role is taken then"

export AWS_CONTAINER_CREDENTIALS_FULL_URI=$GATE/container AWS_CONTAINER_AUTHORIZATION_TOKEN=container-token
AWS_PROFILE=nobody asks "a container's endpoint" 0 '^200' "${LIST[@]}"
AWS_PROFILE=by-container asks "a role taken with those" 0 '^200' "${LIST[@]}"
echo container-token >"$work/container.token"
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$work/container.token AWS_PROFILE=nobody \
    asks "its token in a file" 0 '^200' "${LIST[@]}"
AWS_CONTAINER_AUTHORIZATION_TOKEN=x AWS_PROFILE=nobody asks "a wrong token" 77 'HTTP status 403' "${LIST[@]}"
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/ AWS_PROFILE=nobody \
    asks "an endpoint that is not to be trusted" 78 'neither https' "${LIST[@]}"
unset AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN

export AWS_PROFILE=nobody AWS_EC2_METADATA_SERVICE_ENDPOINT=$GATE
AWS_EC2_METADATA_DISABLED=false asks "an instance's role" 0 '^200' "${LIST[@]}"
gate_rules '[]'
http_proxy=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1 AWS_EC2_METADATA_DISABLED=false \
    asks "through a proxy goes the service alone" 69 'ListTables: .*onnect' "${LIST[@]}"
is "$(gate_seen .requests.instance)" 2 "the instance never"

# They expire: the service says so before we would have thought it.
gate_rules '[{"fault": "expired", "times": 1}]'
AWS_EC2_METADATA_DISABLED=false asks "expired keys are renewed, and the call is made again" 0 '^200' "${LIST[@]}"
is "$(gate_seen .requests.instance)" 4 "the instance was asked again"
gate_rules '[{"fault": "expired", "times": 1}]'
AWS_PROFILE=default asks "expired keys that stay the same" 77 'have expired: ExpiredToken' "${LIST[@]}"

# Settings that are wrong.
unset AWS_REGION
AWS_PROFILE=default asks "no region" 78 'which region\?' "${LIST[@]}"
AWS_PROFILE=reader asks "the region of the profile" 0 '^200' "${LIST[@]}"
export AWS_REGION=us-east-1 AWS_PROFILE=default
AWS_REGION=x.y/ asks "a region that is none" 78 'not the name of a region' "${LIST[@]}"
AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1 \
    asks "the endpoint of the service goes first" 69 '127.0.0.1:1' "${LIST[@]}"
AWS_ENDPOINT_URL=ftp://x asks "an endpoint that is none" 78 'neither with http' "${LIST[@]}"
printf '[default]\nservices = here\n[services here]\ndynamodb =\n  endpoint_url = %s\n' "$GATE" >"$HOME/.aws/config"
AWS_ENDPOINT_URL='' asks "an endpoint of the profile" 0 '^200' "${LIST[@]}"
AWS_ENDPOINT_URL='' AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true AWS_MAX_ATTEMPTS=1 https_proxy=http://127.0.0.1:1 \
    asks "which can be ignored" 69 'dynamodb in us-east-1' "${LIST[@]}"
echo nonsense >"$HOME/.aws/config"
asks "a broken file" 78 'config:1: ' "${LIST[@]}"

# Without libcurl a tool starts, and says what it lacks when it needs it.
rm "$HOME/.aws/config"
if [ -z "${TUBERIA_SANITIZED-}" ]; then
    : >"$work/libcurl.so.4"
    LD_LIBRARY_PATH=$work asks "without libcurl" 78 'needs libcurl \(Debian: apt install libcurl4\)' "${LIST[@]}"
else
    skip "without libcurl" "not with sanitizers"
fi

done_testing
