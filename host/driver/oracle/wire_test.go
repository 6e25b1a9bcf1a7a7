package oracle

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// TestInterrupt has breaks sent to a call, one to each, in the form of its packets.
func TestInterrupt(t *testing.T) {
	accepts, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer accepts.Close()
	w, err := dialWire(t.Context(), "tcp", accepts.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	peer, err := accepts.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	narrow := []byte{0, 10, 0, 0, dataPacket, 0, 0, 0, 0, 0}
	wide := []byte{0, 0, 0, 10, dataPacket, 0, 0, 0, 0, 0}
	interrupt := func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.interrupt(ctx); err != nil {
			t.Fatal(err)
		}
	}
	interrupt() // nothing has been called
	for _, call := range [][]byte{narrow, wide} {
		if _, err := w.Write(call); err != nil {
			t.Fatal(err)
		}
		interrupt()
		interrupt() // it has been told
		w.idle()
		interrupt() // it is over
	}
	_ = w.Close()
	_ = peer.SetReadDeadline(time.Now().Add(10 * time.Second))
	got, err := io.ReadAll(peer)
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Join([][]byte{narrow, narrowBreak, wide, wideBreak}, nil); !bytes.Equal(got, want) {
		t.Errorf("sent\n%v, want\n%v", got, want)
	}
}
