package testdb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Redis starts a Redis server on a unix socket. By itself it keeps neither dumps nor an
// AOF; Options.Args come later and count.
func Redis(t testing.TB, o Options) *Server {
	t.Helper()
	binary := program(t, o.Binary, "redis-server", "/usr/bin/redis-server")
	s := prepare(t, o, "redis")
	s.stop = syscall.SIGTERM
	s.Socket = filepath.Join(s.home, "redis.sock")
	s.argv = append([]string{
		binary, "--port", "0", "--unixsocket", s.Socket, "--unixsocketperm", "777", "--dir", s.Dir, "--save", "", "--appendonly", "no",
	}, o.Args...)
	s.ping = s.redisReady
	s.Start(t)
	return s
}

// redisReady is an error while the server cannot be asked, or is still loading.
func (s *Server) redisReady(ctx context.Context) error {
	conn, err := s.dialRedis(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = conn.Do("PING"); err != nil && strings.HasPrefix(err.Error(), "NOAUTH") {
		return nil // it would say LOADING first
	}
	return err
}

// RedisConn is a plain connection to a Redis server, for one goroutine.
type RedisConn struct {
	net.Conn
	r *bufio.Reader
}

// Redis returns a connection to a Redis server, for a test to look at it from outside,
// logged in if there is a password. It is closed when the test ends.
func (s *Server) Redis(t testing.TB, password string) *RedisConn {
	t.Helper()
	conn, err := s.dialRedis(t.Context())
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
		if password != "" {
			_, err = conn.Do("AUTH", password)
		}
	}
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	return conn
}

func (s *Server) dialRedis(ctx context.Context) (*RedisConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", s.Socket)
	if err != nil {
		return nil, err
	}
	return &RedisConn{Conn: conn, r: bufio.NewReader(conn)}, nil
}

// Do makes one command and returns its reply: a text, or several in lines. What the
// server refuses is an error that begins with its code.
func (c *RedisConn) Do(words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(c.Conn, b.String()); err != nil {
		return "", err
	}
	return c.reply()
}

func (c *RedisConn) reply() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	kind, rest := line[0], line[1:]
	if kind == '-' {
		return "", errors.New(rest)
	}
	if kind == '+' || kind == ':' {
		return rest, nil
	}
	n, err := strconv.Atoi(rest)
	if err != nil || kind != '$' && kind != '*' {
		return "", fmt.Errorf("the reply %q", line)
	}
	if kind == '$' {
		return c.bulk(n)
	}
	var items []string
	for range n {
		item, err := c.reply()
		if err != nil {
			return "", err
		}
		items = append(items, item)
	}
	return strings.Join(items, "\n"), nil
}

func (c *RedisConn) bulk(n int) (string, error) {
	if n < 0 {
		return "", nil // there is none
	}
	text := make([]byte, n+2)
	_, err := io.ReadFull(c.r, text)
	return string(text[:n]), err
}
