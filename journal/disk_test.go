package journal

import (
	"bytes"
	"io"
	"io/fs"
	"sync"
)

// disk is a VFS in memory that remembers what would survive a power cut, and that
// fails, or hangs, where a test wants it.
type disk struct {
	fault func(op string) error // called without the lock; may block; nil is none

	mu     sync.Mutex
	ops    []string
	data   []byte // of the one file
	synced int    // how many bytes of it are durable
	named  bool   // the name is durable
	exists bool
}

// do notes one operation and asks whether it fails.
func (d *disk) do(op string) error {
	d.mu.Lock()
	d.ops = append(d.ops, op)
	d.mu.Unlock()
	if d.fault == nil {
		return nil
	}
	return d.fault(op)
}

func (d *disk) MkdirAll(string) error { return d.do("mkdir") }

func (d *disk) Create(string) (File, error) {
	if err := d.do("create"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.exists {
		return nil, fs.ErrExist
	}
	d.exists = true
	return diskFile{d}, nil
}

func (d *disk) Append(string) (File, error) { return diskFile{d}, d.do("append") }

func (d *disk) Open(string) (io.ReadCloser, error) {
	if err := d.do("open"); err != nil {
		return nil, err
	}
	return io.NopCloser(&faultReader{d, bytes.NewReader(d.content())}), nil
}

func (d *disk) ReadDir(string) ([]fs.DirEntry, error) { return nil, d.do("readdir") }

func (d *disk) SyncDir(string) error {
	err := d.do("syncdir")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.named = d.named || err == nil
	return err
}

// content returns what a reader sees while the machine is up.
func (d *disk) content() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.data)
}

// afterPowerCut returns a disk that has only what is durable.
func (d *disk) afterPowerCut() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.named {
		return &disk{}
	}
	return &disk{data: bytes.Clone(d.data[:d.synced]), exists: true}
}

// count returns how often op was asked for.
func (d *disk) count(op string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, o := range d.ops {
		if o == op {
			n++
		}
	}
	return n
}

type faultReader struct {
	d *disk
	r io.Reader
}

func (r *faultReader) Read(p []byte) (int, error) {
	if err := r.d.do("read"); err != nil {
		return 0, err
	}
	return r.r.Read(p[:min(len(p), 64)]) // small reads: lines arrive in pieces
}

type diskFile struct{ d *disk }

// Write leaves half of the line behind when it fails, as a full disk does.
func (f diskFile) Write(p []byte) (int, error) {
	err := f.d.do("write")
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err != nil {
		p = p[:len(p)/2]
	}
	f.d.data = append(f.d.data, p...)
	return len(p), err
}

func (f diskFile) Sync() error {
	if err := f.d.do("sync"); err != nil {
		return err
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.synced = len(f.d.data)
	return nil
}

func (f diskFile) Close() error { return f.d.do("close") }
