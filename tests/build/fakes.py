"""Batch systems and hosts that are folders of this machine: executables that really run jobs.

A job runs in a session of its own, which nothing of fpgac's ends but the batch system's command.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["FakeSite"]

_SSH = """\
#!/bin/sh
# What follows -- is a host, and a line for its shell; jobs there know other tools.
echo "$*" >> '{root}/calls'
if [ -e '{root}/unreachable' ]; then echo 'connect: No route to host' >&2; exit 255; fi
while [ "$1" != -- ]; do shift; done
shift 2
cd '{there}' || exit 1
PATH='{tools}':"$PATH" HOME='{there}' exec sh -c "$*"
"""

_SBATCH = """\
#!/bin/sh
echo "sbatch $*" >> '{root}/calls'
for word; do
    case $word in --chdir=*) folder=${{word#--chdir=}} ;; esac
    script=$word
done
number=$$
cp "$folder/$script" '{root}/jobs/'$number
cd "$folder" || exit 1
setsid bash '{root}/jobs/'$number > /dev/null 2>&1 < /dev/null &
echo $! > '{root}/'$number.pid
echo "$number;a_cluster"
"""

_SQUEUE = """\
#!/bin/sh
for word; do case $word in --jobs=*) number=${{word#--jobs=}} ;; esac; done
kill -s 0 -- "-$(cat '{root}/'$number.pid)" 2> /dev/null || exit 1
if [ -e '{root}/queued' ]; then echo PENDING; else echo RUNNING; fi
"""

_SACCT = "#!/bin/sh\ncat '{root}/ending' 2> /dev/null || echo COMPLETED\n"

_SCANCEL = """\
#!/bin/sh
echo "scancel $*" >> '{root}/calls'
kill -s KILL -- "-$(cat '{root}/'$1.pid)"
"""

_CONDOR_SUBMIT = """\
#!/bin/bash
# Files go into a scratch folder without their own folders, and one comes back where it is told.
echo "condor_submit $*" >> '{root}/calls'
said() {{ sed -n "s/^$1 = //p" "$submit"; }}
submit=$2
number=$$
mkdir -p '{root}/jobs/'$number
cp "$(said transfer_input_files)" '{root}/jobs/'$number
cp "$(said executable)" '{root}/jobs/'$number/condor_exec.exe
home=$PWD
from=$(said transfer_output_files)
to=$(said transfer_output_remaps | sed 's/.* = //; s/"$//')
log=$(said log)
job() {{
    cd '{root}/jobs/'$number && bash condor_exec.exe && cp "$from" "$home/$to"
    echo "005 ($number.000.000) Job terminated." >> "$home/$log"
}}
export -f job
export number home from to log
setsid bash -c job > /dev/null 2>&1 < /dev/null &
echo $! > '{root}/'$number.0.pid
echo "$number.0 - $number.0"
"""

_CONDOR_Q = """\
#!/bin/sh
if kill -s 0 -- "-$(cat '{root}/'$1.pid)" 2> /dev/null; then echo "2 undefined"; fi
"""

_CONDOR_RM = """\
#!/bin/sh
echo "condor_rm $*" >> '{root}/calls'
kill -s KILL -- "-$(cat '{root}/'$1.pid)"
"""

_CONDOR_HISTORY = "#!/bin/sh\ncat '{root}/ending' 2> /dev/null || true\n"

# As podman and docker are called: an image's tools are a folder.
_PODMAN = """\
#!/bin/sh
echo "podman $*" >> '{root}/calls'
if [ "$1" = rm ]; then exit 0; fi
while [ $# -gt 0 ]; do
    case $1 in
        --workdir) cd "$2" || exit 1; shift ;;
        an/image) shift; PATH='{tools}':"$PATH" exec "$@" ;;
    esac
    shift
done
exit 125
"""

_TEXTS = {
    "ssh": _SSH,
    "sbatch": _SBATCH,
    "squeue": _SQUEUE,
    "sacct": _SACCT,
    "scancel": _SCANCEL,
    "condor_submit": _CONDOR_SUBMIT,
    "condor_q": _CONDOR_Q,
    "condor_rm": _CONDOR_RM,
    "condor_history": _CONDOR_HISTORY,
    "podman": _PODMAN,
}


class FakeSite:
    """Executables in ``bin`` of a folder; the host's home is ``there``, its own tools ``tools``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin, self.there, self.tools = root / "bin", root / "there", root / "tools"
        for folder in (self.bin, self.there, self.tools, root / "jobs"):
            folder.mkdir(parents=True)
        for name, text in _TEXTS.items():
            self.install(
                self.bin / name, text.format(root=root, there=self.there, tools=self.tools)
            )

    @staticmethod
    def install(path: Path, text: str) -> None:
        """Write an executable."""
        path.write_text(text)
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """What was called, in order; questions about jobs are left out."""
        log = self.root / "calls"
        return log.read_text().splitlines() if log.exists() else []
