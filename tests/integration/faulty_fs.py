"""A folder shown at another place with one fault of a real file system: ``python faulty_fs.py FAULT SOURCE MOUNT``.

Needs FUSE (Debian's package fuse) and fusepy. It stays in the foreground until it is unmounted or ended.
"""

import errno
import os
import sys

import fuse

FAULTS = {  # name: (where it is met, call that is refused, errno)
    "nolock": ("NFS without lockd", "lock", errno.ENOLCK),
    "enosys": ("Lustre mounted without flock", "lock", errno.ENOSYS),
    "nodirsync": ("VirtualBox, AFS, old CIFS", "fsyncdir", errno.EINVAL),
    "nofsync": ("file systems that flush nothing", "fsync", errno.EINVAL),
    "fat": ("FAT and exFAT sticks", "chmod", errno.EPERM),
    "norename": ("SMB servers that never replace", "rename", errno.EACCES),
}


class Faulty(fuse.Operations):
    """Hands every call on to the source folder, but for the one that the fault refuses."""

    def __init__(self, fault, source):
        _, self.refused, self.errno = FAULTS[fault]
        self.source = source
        if self.refused == "lock":  # without this method the kernel keeps locks itself
            self.lock = lambda path, handle, command, lock: self.refuse("lock")

    def refuse(self, call):
        if call == self.refused:
            raise fuse.FuseOSError(self.errno)

    def at(self, path):
        return self.source + path

    def access(self, path, mode):
        if not os.access(self.at(path), mode):
            raise fuse.FuseOSError(errno.EACCES)

    def getattr(self, path, handle=None):
        status = os.lstat(self.at(path))
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_atime", "st_mtime", "st_ctime")
        found = {name: getattr(status, name) for name in names}
        if self.refused == "chmod":  # FAT has no modes: everything is 0755
            found["st_mode"] = found["st_mode"] & ~0o7777 | 0o755
        return found

    def chmod(self, path, mode):
        if mode & 0o555 != 0o555:  # FAT takes a mode that changes nothing
            self.refuse("chmod")
        os.chmod(self.at(path), mode)

    def readdir(self, path, handle):
        return [".", "..", *os.listdir(self.at(path))]

    def mkdir(self, path, mode):
        os.mkdir(self.at(path), mode)

    def rmdir(self, path):
        os.rmdir(self.at(path))

    def unlink(self, path):
        os.unlink(self.at(path))

    def rename(self, old, new):
        if os.path.exists(self.at(new)):
            self.refuse("rename")
        os.rename(self.at(old), self.at(new))

    def create(self, path, mode, info=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def open(self, path, flags):
        return os.open(self.at(path), flags & ~os.O_APPEND)

    def release(self, path, handle):
        os.close(handle)

    def read(self, path, size, offset, handle):
        return os.pread(handle, size, offset)

    def write(self, path, content, offset, handle):
        return os.pwrite(handle, content, offset)

    def truncate(self, path, length, handle=None):
        os.truncate(self.at(path), length)

    def fsync(self, path, datasync, handle):
        self.refuse("fsync")
        os.fsync(handle)

    def fsyncdir(self, path, datasync, handle):
        self.refuse("fsyncdir")

    def utimens(self, path, times=None):
        os.utime(self.at(path), times)

    def statfs(self, path):
        found = os.statvfs(self.at(path))
        names = (
            "f_bsize",
            "f_frsize",
            "f_blocks",
            "f_bfree",
            "f_bavail",
            "f_files",
            "f_ffree",
            "f_favail",
            "f_namemax",
        )
        return {name: getattr(found, name) for name in names}


if __name__ == "__main__":
    fuse.FUSE(Faulty(sys.argv[1], sys.argv[2].rstrip("/")), sys.argv[3], foreground=True, nothreads=False)
