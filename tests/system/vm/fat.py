"""Small FAT images with given files, without mounting anything."""

import os
import subprocess
import tempfile


def make(path, files, size=16 << 20, label="STICK", volume_id=None):
    """Make a FAT file system of size bytes in path, holding files:
    {name: bytes}, directories by "/" in the name."""
    with open(path, "wb") as image:
        image.truncate(size)
    command = ["mkfs.vfat", "-n", label[:11].upper()]
    if volume_id is not None:
        command += ["-i", volume_id]
    env = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
               MTOOLS_SKIP_CHECK="1")
    subprocess.run(command + [path], check=True, stdout=subprocess.DEVNULL, env=env)
    made = set()
    for name, data in files.items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in made:
                made.add(folder)
                subprocess.run(["mmd", "-i", path, "::" + folder], check=True, env=env)
        with tempfile.NamedTemporaryFile() as source:
            source.write(data if isinstance(data, bytes) else data.encode())
            source.flush()
            subprocess.run(["mcopy", "-i", path, source.name, "::" + name], check=True, env=env)
    return path


def listing(path):
    """Names of the files in the root directory of an image."""
    out = subprocess.run(["mdir", "-b", "-i", path], stdout=subprocess.PIPE, text=True,
                         env=dict(os.environ, MTOOLS_SKIP_CHECK="1")).stdout
    return [line.strip()[3:] for line in out.splitlines() if line.startswith("::/")]


def read(path, name):
    """Content of a file in an image."""
    return subprocess.run(["mtype", "-i", path, "::" + name], check=True,
                          stdout=subprocess.PIPE,
                          env=dict(os.environ, MTOOLS_SKIP_CHECK="1")).stdout
