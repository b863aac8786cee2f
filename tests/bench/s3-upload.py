"""s3-upload.py DIRECTORY: see s3-upload.sh."""

import os
import shutil
import subprocess
import sys

import bench

work = sys.argv[1]
endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
partitions = bench.scaled(667)
objects = 3 * partitions
rows = 20
store = f"{work}/s3/lake"

with open(f"{work}/sales.ndjson", "w", encoding="utf-8") as f:
    for i in range(partitions * rows):
        f.write(f'{{"cliente_id":{i % 9973},"producto":"p{i % partitions:03d}","monto":{i % 90}.{i % 100:02d},'
                f'"fecha":"2024-03-21T{i % 24:02d}:{i % 60:02d}:00"}}\n')


def partition(place):
    return (f"s3-partition --plain --to {place} --layout 'producto={{producto}}/day=%F' --time fecha --sum monto"
            f" <{work}/sales.ndjson >/dev/null")


subprocess.run(partition(f"{work}/files"), shell=True, check=True)
cli = f"/usr/bin/aws --endpoint-url {endpoint} s3"
commands = {
    "s3-partition": partition("s3://lake/put"),
    "rclone copy": f"rclone copy --quiet {work}/files s3:lake/put",
    "aws s3 cp --recursive": f"{cli} cp --quiet --recursive {work}/files s3://lake/put",
}
if not shutil.which("rclone"):
    del commands["rclone copy"]


def wipe(_name):
    shutil.rmtree(f"{store}/put", ignore_errors=True)


# Each of them has put the same files.
for name, command in commands.items():
    wipe(name)
    subprocess.run(command, shell=True, check=True)
    subprocess.run(f"rm -rf {work}/back && {cli} cp --quiet --recursive s3://lake/put {work}/back", shell=True,
                   check=True)
    if subprocess.run(["diff", "-r", f"{work}/files", f"{work}/back"], check=False).returncode != 0:
        sys.exit(f"bench: {name}: not the same files")
subprocess.run(partition("s3://lake/put"), shell=True, check=True)
subprocess.run("s3-partition --verify s3://lake/put", shell=True, check=True)
bench.say("s3-upload", f"all put the same {objects} objects")
bench.compare("s3-upload", f"{objects} small objects to S3", objects, "object", commands, before=wipe)
