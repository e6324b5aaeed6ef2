"""
server.py -- one PostgreSQL 18 server inside the forky folder, and the ways to
talk to it: psql, binary COPY, pgbench.  Nothing here knows what is measured.

The programs run by chroot as the folder's user postgres, over a Unix socket.
OwnServer is one of another PostgreSQL, outside the folder, for a quick look.
"""
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time

import numpy as np

from vecs import copy_binary

BIN = "/usr/lib/postgresql/18/bin/"
HOME = "/var/lib/omendb-bench"
DATA = HOME + "/data"


class Server:
    def __init__(self, root, settings):
        self.root, self.bin, self.home, self.data = root, BIN, HOME, DATA
        self.settings = settings
        self.within = []                # words before each program: a control group's

    def command(self, program, *words, env=None):
        variables = ["PATH=" + self.bin + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=" + self.home,
                     "PGHOST=" + self.home, "PGPORT=5432"]
        variables += [f"{k}={v}" for k, v in (env or {}).items()]
        return [*self.within, *self.as_postgres(), "/usr/bin/env", "-i", "-C", self.home, *variables, program, *words]

    def as_postgres(self):
        return ["chroot", "--userspec=postgres:postgres", self.root]

    def owner(self):
        owner = os.stat(self.root + "/var/lib/postgresql")
        return owner.st_uid, owner.st_gid

    def run(self, program, *words, env=None, stdin=None):
        done = subprocess.run(self.command(program, *words, env=env), input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"bench: {program} failed:\n{done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    # ---------------------------------------------------------- life of it

    def start(self):
        home = self.root + self.home
        os.makedirs(home, exist_ok=True)
        os.chown(home, *self.owner())
        if not os.path.exists(self.root + self.data + "/PG_VERSION"):
            self.run("initdb", "-D", self.data, "--locale=C.UTF-8", "--encoding=UTF8", "--auth=trust", "--no-sync")
        self.configure()
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "300", "-l", self.home + "/log", "start")

    def configure(self):
        with open(self.root + self.data + "/postgresql.auto.conf", "w") as f:
            for name, value in self.settings.items():
                f.write(f"{name} = '{value}'\n")

    def restart(self, **changes):
        """With other settings."""
        self.settings.update(changes)
        self.configure()
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "300", "-l", self.home + "/log", "-m", "fast", "restart")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "300", "-m", "fast", "stop")

    def forget(self):
        shutil.rmtree(self.root + self.data, ignore_errors=True)

    # ------------------------------------------------------------- talking

    def sql(self, database, text, options="", notices=False):
        """Runs text in one session; the rows as lists of strings."""
        out, err = self.run("psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database,
                            "-f", "-", env={"PGOPTIONS": options}, stdin=text)
        if notices and err.strip():
            print(err.strip())
        return [line.split("\t") for line in out.splitlines() if line]

    def value(self, database, text, options=""):
        return self.sql(database, text, options)[0][0]

    def has_database(self, name):
        return self.value("postgres", f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == "1"

    def copy_vectors(self, database, table, vectors, first_id=0, columns=None):
        """columns: name and int32 values of the columns between id and embedding."""
        columns = columns or {}
        labels = np.stack(list(columns.values()), axis=1) if columns else None
        names = ", ".join(["id", *columns, "embedding"])
        copy = subprocess.Popen(
            self.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database,
                         "-c", f"COPY {table} ({names}) FROM STDIN (FORMAT binary)"), stdin=subprocess.PIPE)
        for part in copy_binary(vectors, first_id, labels):
            copy.stdin.write(part)
        copy.stdin.close()
        if copy.wait() != 0:
            raise SystemExit(f"bench: COPY into {table} failed")

    def pgbench(self, database, script, options="", variables=None, seconds=None, transactions=None, seed=1):
        """One client, prepared statements; transactions per second, and per second of the
        backend's own CPU time, which a busy machine disturbs less."""
        path = self.root + self.home + "/script.sql"
        with open(path, "w") as f:
            f.write(script)
        words = ["-n", "-c", "1", "-M", "prepared", f"--random-seed={seed}", "-f", self.home + "/script.sql"]
        words += ["-T", str(seconds)] if seconds else ["-t", str(transactions)]
        for name, value in (variables or {}).items():
            words += ["-D", f"{name}={value}"]
        self.wait_for_backends()
        before = self.children_cpu()
        out, _ = self.run("pgbench", *words, database, env={"PGOPTIONS": options})
        if re.search(r"number of failed transactions: [1-9]", out):
            raise SystemExit("bench: pgbench transactions failed:\n" + out)
        self.wait_for_backends()
        cpu = self.children_cpu() - before
        done = int(re.search(r"transactions actually processed: (\d+)", out).group(1))
        return float(re.search(r"tps = ([0-9.]+)", out).group(1)), done / cpu if cpu else None

    def postmaster(self):
        with open(self.root + self.data + "/postmaster.pid") as f:
            return f.readline().strip()

    def wait_for_backends(self):
        """Until the postmaster has waited for the backends of sessions that have ended: a program
        returns before its backend has gone, and only then does children_cpu count it."""
        pid = self.postmaster()
        for _ in range(500):
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                children = f.read().split()
            if not any(is_session(c) for c in children):
                return
            time.sleep(.01)
        raise SystemExit("bench: a session does not end")

    def children_cpu(self):
        """Seconds of CPU time of the backends that have ended so far."""
        with open(f"/proc/{self.postmaster()}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


class OwnServer(Server):
    """A server of the PostgreSQL that a pg_config belongs to, in a temporary folder that goes with it."""

    def __init__(self, pg_config, settings):
        super().__init__("", settings)
        self.bin = subprocess.run([pg_config, "--bindir"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip() + "/"
        self.home = tempfile.mkdtemp(prefix="omendb-bench-")
        self.data = self.home + "/data"
        settings["unix_socket_directories"] = self.home

    def as_postgres(self):
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []

    def owner(self):
        if os.getuid() != 0:
            return os.getuid(), os.getgid()
        user = pwd.getpwnam("postgres")
        return user.pw_uid, user.pw_gid

    def stop(self):
        super().stop()
        shutil.rmtree(self.home)


def is_session(pid):
    """A backend of a client, or a process that has ended and is not waited for."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            title = f.read()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not title or b"[local]" in title
