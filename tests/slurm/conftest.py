"""A Slurm of one node on this machine, for the length of a test session: real daemons, files of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import textwrap
import time
from pathlib import Path

import pytest

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
_STARTING_SECONDS = 60
_CONF = """
    ClusterName=test
    SlurmctldHost={host}(127.0.0.1)
    NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000
    PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
    SlurmctldPort={controller_port}
    SlurmdPort={daemon_port}
    AuthType=auth/munge
    AuthInfo=socket={root}/munge.socket,cred_expire=5
    CryptoType=crypto/munge
    ProctrackType=proctrack/linuxproc
    TaskPlugin=task/none
    SelectType=select/cons_tres
    SelectTypeParameters=CR_Core
    JobAcctGatherType=jobacct_gather/none
    AccountingStorageType=accounting_storage/none
    MpiDefault=none
    JobRequeue=1
    ReturnToService=2
    SchedulerParameters=sched_interval=2,bf_interval=2,requeue_delay=1
    KillWait=5
    CompleteWait=0
    SlurmUser=root
    SlurmdUser=root
    StateSaveLocation={root}/state
    SlurmdSpoolDir={root}/spool
    SlurmctldPidFile={root}/slurmctld.pid
    SlurmdPidFile={root}/slurmd.pid
    SlurmctldLogFile={root}/slurmctld.log
    SlurmdLogFile={root}/slurmd.log
"""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A controller, a node and the key that they share.

    Attributes
    ----------
    root
        Where configuration, state and logs lie.
    environ
        The environment that Slurm's programs, and vcli, find it by.
    """

    def __init__(self, root, cpus=2):
        self.root = root
        self.environ = {**os.environ, "SLURM_CONF": str(root / "slurm.conf")}
        self.environ.pop("SLURM_CPUS_PER_TASK", None)
        self._daemons = []
        for name in ("state", "spool"):
            (root / name).mkdir()
        # munged asks that nobody else can reach its socket's folder to change it.
        root.chmod(0o755)
        self.environ["PATH"] = f"{Path(shutil.which('vcli') or '/').parent}:{self.environ['PATH']}"
        conf = textwrap.dedent(_CONF).format(
            host=socket.gethostname(),
            cpus=cpus,
            root=root,
            controller_port=_free_port(),
            daemon_port=_free_port(),
        )
        (root / "slurm.conf").write_text(conf, encoding="utf-8")

    def __enter__(self):
        key = self.root / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
        options = [f"--{name}={self.root / file}" for name, file in files.items()]
        self._start("munged", "--foreground", "--force", f"--key-file={key}", *options)
        self._until((self.root / "munge.socket").exists, "munged")
        self._start("slurmctld", "-D", "-i")
        self._start("slurmd", "-D", "-N", socket.gethostname())
        self._until(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T"), "slurmd")
        return self

    def __exit__(self, *exception):
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def ask(self, *words):
        """Return what one of Slurm's programs says, whether it succeeds or not."""
        return self._run(words).stdout

    def vcli(self, *words, cwd, timeout=600):
        """Run vcli as a user of the cluster types it."""
        command = ["vcli", *map(str, words)]
        return subprocess.run(
            command, env=self.environ, cwd=cwd, capture_output=True, encoding="utf-8", check=False, timeout=timeout
        )

    def sbatch(self, script, *options, cwd):
        """Submit a script; return the number of its job."""
        (cwd / "job.sh").write_text(textwrap.dedent(script), encoding="utf-8")
        command = ["sbatch", "--parsable", *options, "job.sh"]
        found = subprocess.run(command, env=self.environ, cwd=cwd, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        return found.stdout.strip()

    def queue(self, job):
        """Return the states of a job's tasks that the scheduler still has, by task."""
        found = self._run(("squeue", "--noheader", "--array", "--format=%i %T", f"--jobs={job}"))
        # A job that the controller has forgotten is an error to squeue; a controller too busy to answer is another.
        assert found.returncode == 0 or "Invalid job id" in found.stderr, found.stderr
        return dict(line.split() for line in found.stdout.splitlines())

    def wait_for(self, job, timeout=600):
        """Wait until nothing of a job is in the queue."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            left = {state for state in self.queue(job).values() if state not in {"COMPLETED", "FAILED", "CANCELLED"}}
            if not left:
                return
            time.sleep(0.5)
        raise AssertionError(f"job {job} is still there: {self.queue(job)}\n{self.logs()}")

    def logs(self):
        """Return the ends of the daemons' logs."""
        return "\n".join(
            f"{path.name}:\n" + "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            for path in sorted(self.root.glob("*.log"))
        )

    def _run(self, words):
        return subprocess.run(words, env=self.environ, capture_output=True, text=True, check=False, timeout=60)

    def _start(self, *command):
        log = (self.root / f"{command[0]}.out").open("w", encoding="utf-8")
        self._daemons.append(subprocess.Popen(command, env=self.environ, stdout=log, stderr=log))
        log.close()

    def _until(self, holds, what):
        deadline = time.monotonic() + _STARTING_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} does not start:\n{self.logs()}")
            time.sleep(0.2)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running Slurm; the tests that ask for it are skipped where there is none to run."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no Slurm here: {', '.join(missing)} not found (Debian: slurm-wlm and munge)")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons run as root only")
    with Cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running
