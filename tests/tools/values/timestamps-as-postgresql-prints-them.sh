# What PostgreSQL prints as a timestamp is read as the instant, and the local date, that PostgreSQL
# means by it; and what timestamp_put_local prints is the same instant to PostgreSQL. Around all
# changes of the clocks since 1880, and at random from 4714 BC to 294276.
# timeout: 300
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/postgres.sh"

probe=$TUBERIA_BIN/../unit/probe-timestamp
[ -x "$probe" ] || skip_all "no probe-timestamp beside $TUBERIA_BIN (make units)"
# shellcheck disable=SC2119
pg_start

# A text, and what PostgreSQL says of it: seconds since 1970 in UTC, local seconds, nanoseconds.
sql "
CREATE FUNCTION seconds(timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	'SELECT floor(extract(epoch FROM \$1))::bigint';
CREATE FUNCTION seconds(timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	'SELECT floor(extract(epoch FROM \$1))::bigint';
CREATE FUNCTION nanos(timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	'SELECT ((extract(epoch FROM \$1) - floor(extract(epoch FROM \$1))) * 1000000000)::bigint';
CREATE TABLE instants (t timestamptz);
CREATE TABLE ours (zone text, utc bigint, local bigint, nanos bigint, text text);
"

# compare ZONE KIND: expected.tsv against the probe.
compare() {
    local count
    cut -f1 "$work/expected.tsv" | TZ=$1 "$probe" >"$work/got.tsv"
    cut -f2-4 "$work/expected.tsv" >"$work/want"
    cut -f1-3 "$work/got.tsv" >"$work/got"
    count=$(wc -l <"$work/want")
    if [ "$count" -lt 1000 ]; then
        not_ok "$1: $2" "only $count of them"
    elif cmp -s "$work/got" "$work/want"; then
        ok "$1: $2"
    else
        not_ok "$1: $2" "$(paste "$work/expected.tsv" "$work/got.tsv" |
            awk -F'\t' '$2 != $5 || $3 != $6 || $4 != $7' | head -n 5)"
    fi
}

for zone in Europe/Madrid America/Bogota Asia/Kathmandu America/Sao_Paulo Africa/Monrovia \
    Australia/Lord_Howe Pacific/Apia; do
    export PGTZ=$zone
    sql "
	TRUNCATE instants;
	SELECT setseed(0.4242);
	-- the day of each change, and what is beside it, every 15 minutes and 7 seconds
	WITH days AS (
		SELECT d, extract(timezone FROM d) AS z,
			lag(extract(timezone FROM d)) OVER (ORDER BY d) AS before
		FROM generate_series(timestamptz '1880-01-01 00:00+00', '2040-01-01', '24 hours') AS d)
	INSERT INTO instants
	SELECT d - interval '40 hours' + n * interval '907 seconds'
	FROM days, generate_series(0, 222) AS n WHERE z <> before;
	INSERT INTO instants
	SELECT to_timestamp(floor(random() * 4.2e9 - 1.2e9)) + floor(random() * 1e6) * interval '1us'
	FROM generate_series(1, 5000);
	INSERT INTO instants
	SELECT timestamptz '4714-11-25 00:00:00+00 BC' + floor(random() * 109e6) * interval '1 day' +
		floor(random() * 86400e6) * interval '1us'
	FROM generate_series(1, 5000);
	INSERT INTO instants VALUES
		('0001-01-01 00:00:00+00'), ('0001-12-31 23:59:59.999999+00 BC'), ('epoch');
	" >/dev/null
    sql "COPY (SELECT t, seconds(t), seconds(t AT TIME ZONE '$zone'), nanos(t) FROM instants)
	TO STDOUT" >"$work/expected.tsv"
    compare "$zone" "timestamps with their offsets"
    cp "$work/got.tsv" "$work/ours.tsv"

    # The same as local times: those of a gap among them.
    sql "COPY (SELECT l, seconds(l::timestamptz), seconds(l), nanos(l::timestamptz)
		FROM (SELECT t AT TIME ZONE 'UTC' AS l FROM instants) AS x)
	TO STDOUT" >"$work/expected.tsv"
    compare "$zone" "local timestamps, skipped and repeated ones too"

    # Our own text, read by PostgreSQL.
    awk -F'\t' -v zone="$zone" -v OFS='\t' '{ print zone, $0 }' "$work/ours.tsv" "$work/got.tsv" |
        sql "COPY ours FROM STDIN"
    is "$(sql "SELECT count(*) > 2000, count(*) FILTER (WHERE seconds(text::timestamptz) <> utc)
		FROM ours WHERE zone = '$zone'")" \
        "t|0" "$zone: PostgreSQL reads what we print as the same instant"
done
is "$(sql "SELECT count(*) > 100 FROM ours WHERE text ~ 'T.*[+-]'")" t \
    "the first of hours that come twice were among them"

done_testing
