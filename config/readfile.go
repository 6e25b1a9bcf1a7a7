package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// MaxFileSize is the size in bytes up to which a file is read unless
// [ReadOptions] says otherwise.
const MaxFileSize = 1 << 20

// ReadOptions says what [ReadFile] asks of a file.
type ReadOptions struct {
	// Secret refuses a file that its group or others have any permission on.
	Secret bool
	// MaxSize is the largest size in bytes; 0 is [MaxFileSize].
	MaxSize int64
}

// ReadFile reads a file that nobody but root and the user of this process can
// have written: a regular file that belongs to one of the two, that others
// cannot write, reached through no symbolic link and no directory in which
// others can put another file in its place. A directory with the sticky bit,
// such as /tmp, will do if what is taken from it belongs to one of the two.
//
// On Linux every component is opened by its parent's descriptor and checked on
// its own, so the file that was checked is the file that is read. Elsewhere,
// where scripts are written but no database is quiesced, only the file itself is
// checked, and on Windows not its owner or mode.
//
// ReadFile never blocks on a FIFO and never opens a device. Its errors are of
// type *[Error] and wrap the error of the operating system if there is one.
func ReadFile(path string, opts ReadOptions) ([]byte, error) {
	data, _, err := readFile(path, opts)
	return data, err
}

// readFile also returns the mode that the file had.
func readFile(path string, opts ReadOptions) ([]byte, fs.FileMode, error) {
	full, err := absolute(path)
	if err != nil {
		return nil, 0, err
	}
	f, st, err := openChecked(full)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	if err := st.checkFile(full, opts.Secret); err != nil {
		return nil, 0, err
	}
	limit := opts.MaxSize
	if limit <= 0 {
		limit = MaxFileSize
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, 0, osError(full, err)
	}
	if int64(len(data)) > limit {
		tooLarge := fileError(full, "is larger than %d bytes; this is not the file that was meant", limit)
		tooLarge.err = errTooLarge
		return nil, 0, tooLarge
	}
	return data, st.mode.Perm(), nil
}

// errTooLarge is of a file that anybody may read as far as we are concerned, but that is
// none of ours.
var errTooLarge = errors.New("too large")

// stat is what the checks need to know of a file or directory.
type stat struct {
	mode fs.FileMode // type, sticky bit, permissions
	uid  int
	gid  int
}

// trusted reports whether the owner is root or the user of this process, self.
func (st stat) trusted(self int) bool { return st.uid == 0 || st.uid == self }

const othersWrite fs.FileMode = 0o022

// checkFile returns an error unless st is a regular file that only root and the
// user of this process can write, or even read if it is a secret.
func (st stat) checkFile(path string, secret bool) error {
	self := os.Geteuid()
	switch {
	case !st.mode.IsRegular():
		return fileError(path, "is %s, not a regular file; give the path of a file", kind(st.mode))
	case !st.trusted(self):
		return fileError(path, "belongs to uid %d, neither to root nor to the user who runs starhost (uid %d); chown it to one of the two", st.uid, self)
	case secret && st.mode&0o077 != 0:
		return fileError(path, "holds a secret and others have access to it (mode %04o); chmod 600 %s", st.mode.Perm(), path)
	case st.mode&othersWrite != 0:
		return fileError(path, "can be written by others (mode %04o); chmod go-w %s", st.mode.Perm(), path)
	}
	return nil
}

// checkDir returns an error if somebody else can put another file in the place of
// next, which is in the directory st with the path dir.
func (st stat) checkDir(dir string, next stat) error {
	self := os.Geteuid()
	switch {
	case !st.mode.IsDir():
		return fileError(dir, "is %s, not a directory; correct the path", kind(st.mode))
	case !st.trusted(self):
		return fileError(dir, "is a directory of uid %d, who can put another file in it; chown it to root", st.uid)
	case st.mode&othersWrite == 0:
		return nil
	case st.mode&fs.ModeSticky == 0:
		return fileError(dir, "is a directory that others can write (mode %04o); chmod go-w %s", st.mode.Perm(), dir)
	case !next.trusted(self):
		return fileError(dir, "is a directory that others can write, and what it leads to belongs to uid %d; use a directory of root", next.uid)
	}
	return nil
}

// kind names the type of a file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something special"
}

func fileError(path, format string, args ...any) *Error {
	return &Error{File: path, Msg: fmt.Sprintf(format, args...)}
}

// osError makes err, of an operation on path, say what to do.
func osError(path string, err error) *Error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		err = inner.Err
	}
	advice := "correct the path or the file"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		advice = "create it or correct the path"
	case errors.Is(err, fs.ErrPermission) && runtime.GOOS != "windows":
		advice = "run starhost as root or give this user access"
	}
	return &Error{File: path, Msg: err.Error() + "; " + advice, err: err}
}
