package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// absolute returns the clean absolute form of path. It asks the kernel for the
// current directory: os.Getwd answers $PWD, which may lead through a link.
func absolute(path string) (string, error) {
	if path == "" {
		return "", fileError(`""`, "the path is empty; name a file")
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path), nil
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buf)
	if err != nil {
		return "", osError(path, err)
	}
	dir := strings.TrimRight(string(buf[:n]), "\x00")
	if !filepath.IsAbs(dir) { // the kernel writes (unreachable) before a directory that is gone
		return "", fileError(path, "the current directory cannot be reached any more; give an absolute path")
	}
	return filepath.Join(dir, path), nil
}

// node is a descriptor (O_PATH: it allows no more than fstat and openat) with
// what fstat said about it.
type node struct {
	stat
	id   unix.Stat_t
	fd   int
	path string
}

// openChecked opens the file with the absolute and clean path, provided that it
// is a regular one, reached through directories that pass checkDir. The owner and
// the permissions of the file itself are left to the caller.
func openChecked(path string) (*os.File, stat, error) {
	dir, err := openNode(unix.AT_FDCWD, "/", "/")
	if err != nil {
		return nil, stat{}, err
	}
	defer func() { dir.close() }()
	names := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(names) == 0 {
		return nil, stat{}, dir.checkFile(path, false)
	}
	last := len(names) - 1
	for _, name := range names[:last] {
		next, err := dir.step(name)
		if err != nil {
			return nil, stat{}, err
		}
		dir.close()
		dir = next
	}
	file, err := dir.step(names[last])
	if err != nil {
		return nil, stat{}, err
	}
	defer file.close()
	return file.open(dir.fd, names[last])
}

// step opens what has this name in the directory n. It is an error if somebody
// else decides what that is.
func (n node) step(name string) (node, error) {
	next, err := openNode(n.fd, name, filepath.Join(n.path, name))
	if err != nil {
		return node{}, err
	}
	err = n.checkDir(n.path, next.stat)
	if err == nil && next.mode&fs.ModeSymlink != 0 {
		err = fileError(next.path, "is a symbolic link; use the path that it leads to")
	}
	if err != nil {
		next.close()
		return node{}, err
	}
	return next, nil
}

func openNode(parent int, name, path string) (node, error) {
	n := node{path: path}
	var err error
	if n.fd, err = openat(parent, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC); err != nil {
		return node{}, osError(path, err)
	}
	if err = unix.Fstat(n.fd, &n.id); err != nil {
		n.close()
		return node{}, osError(path, err)
	}
	n.stat = stat{mode: fileMode(n.id.Mode), uid: int(n.id.Uid), gid: int(n.id.Gid)}
	return n, nil
}

func (n node) close() { _ = unix.Close(n.fd) } // a descriptor that was only looked at

// open opens n, whose name in the directory parent is name, for reading.
func (n node) open(parent int, name string) (*os.File, stat, error) {
	if !n.mode.IsRegular() { // a device may act upon being opened
		return nil, stat{}, n.checkFile(n.path, false)
	}
	fd, err := openat(parent, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY)
	if err != nil {
		return nil, stat{}, osError(n.path, err)
	}
	f := os.NewFile(uintptr(fd), n.path)
	var id unix.Stat_t
	err = unix.Fstat(fd, &id)
	switch {
	case err != nil:
		err = osError(n.path, err)
	case id.Dev != n.id.Dev || id.Ino != n.id.Ino:
		err = fileError(n.path, "was replaced while it was being opened; try again")
	default:
		return f, stat{mode: fileMode(id.Mode), uid: int(id.Uid), gid: int(id.Gid)}, nil
	}
	_ = f.Close() // nothing was written
	return nil, stat{}, err
}

// openat is openat(2), tried again after a signal.
func openat(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// fileMode translates st_mode as far as the checks look at it.
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	for bit, is := range map[uint32]fs.FileMode{unix.S_ISVTX: fs.ModeSticky, unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid} {
		if mode&bit != 0 {
			m |= is
		}
	}
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFCHR, unix.S_IFBLK:
		m |= fs.ModeDevice
	default:
		m |= fs.ModeIrregular
	}
	return m
}
