package watchdog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/starhost/starhost/internal/sigpipe"
)

// wire is one end of the connection. One goroutine receives, any may send.
type wire struct {
	conn  *net.UnixConn
	in    *json.Decoder
	files []*os.File // that came and have not been taken; the receiver's

	out sync.Mutex
}

func newWire(conn *net.UnixConn) *wire {
	w := &wire{conn: conn}
	w.in = json.NewDecoder(w)
	return w
}

// Read reads bytes for the decoder, and keeps the descriptors that come with them:
// those of a message come with its first byte at the latest (unix(7)).
func (w *wire) Read(p []byte) (int, error) {
	oob := make([]byte, syscall.CmsgSpace(4))
	n, oobn, _, _, err := w.conn.ReadMsgUnix(p, oob)
	if err != nil {
		return 0, err // n may be -1
	}
	if oobn > 0 {
		if err := w.keep(oob[:oobn]); err != nil {
			return n, err
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (w *wire) keep(oob []byte) error {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return err
		}
		for _, fd := range fds {
			w.files = append(w.files, os.NewFile(uintptr(fd), "lock"))
		}
	}
	return nil
}

// receive reads the next message.
func (w *wire) receive() (f frame, err error) {
	err = w.in.Decode(&f)
	return f, err
}

// take returns the descriptor of the message that was received.
func (w *wire) take() (*os.File, error) {
	if len(w.files) == 0 {
		return nil, errors.New("a message came without its descriptor")
	}
	f := w.files[0]
	w.files = w.files[1:]
	return f, nil
}

// send writes one message, with a descriptor if file is not nil. After an error the
// connection is of no more use.
func (w *wire) send(f frame, file *os.File) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	w.out.Lock()
	defer w.out.Unlock()
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if file != nil {
		// The fd stays valid: the caller has the file.
		rights := syscall.UnixRights(int(file.Fd()))
		n, err := sigpipe.Without(func() (int, error) {
			n, _, err := w.conn.WriteMsgUnix(text, rights, nil)
			return n, err
		})
		if err != nil {
			return err
		}
		text = text[n:]
	}
	_, err = sigpipe.Without(func() (int, error) { return w.conn.Write(text) })
	return err
}

func (w *wire) close() { _ = w.conn.Close() }
