"""
limit.py -- a control group that limits the memory of the programs in it, with the files
that they read: a machine with less memory.  Needs root, and either version of Linux's
control groups.
"""
import os


class MemoryLimit:
    """with MemoryLimit(bytes) as limit: limit.words before a command run it in the group."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        for top, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            self.folder = f"{top}/omendb-bench-{os.getpid()}"
            try:
                os.mkdir(self.folder)
                with open(f"{self.folder}/{name}", "w") as f:
                    f.write(str(self.size))
                break
            except OSError:
                if os.path.isdir(self.folder):
                    os.rmdir(self.folder)
        else:
            raise SystemExit("bench: no memory control group can be made here: this needs root, and a machine or container with the right to do so")
        self.words = ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]
        return self

    def __exit__(self, *unused):
        os.rmdir(self.folder)
