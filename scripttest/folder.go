package scripttest

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/starhost/starhost/scripts"
)

// maxFile is the largest file that a test may load, in bytes: a recording.
const maxFile = 16 << 20

// Loader returns what finds the files of tests in one folder: scripts, golden files and
// recordings in it and below it, and the scripts in the binary. Nothing else is reached
// as long as fsys itself does not lead out of its folder, as [os.Root] promises.
func Loader(fsys fs.FS, dir string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if file, ok := strings.CutPrefix(name, scripts.Prefix); ok {
			return scripts.Source(file)
		}
		if !fs.ValidPath(name) || name == "." {
			return nil, fmt.Errorf("%q is no file in the folder of the test: write its name with slashes, and without going up", name)
		}
		name = path.Join(dir, name)
		// To open a pipe would wait for whoever writes to it.
		if info, err := fs.Stat(fsys, name); err != nil {
			return nil, err
		} else if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no regular file", name)
		}
		f, err := fsys.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // only read
		text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		if err == nil && len(text) > maxFile {
			err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
		}
		return text, err
	}
}
