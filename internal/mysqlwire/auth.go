package mysqlwire

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// The ways to log on ("Authentication Methods" in MySQL's source documentation).
const (
	cachingSHA2 = "caching_sha2_password"
	native      = "mysql_native_password"
)

// Capabilities of the protocol that are spoken of here.
const (
	withDatabase = 1 << 3
	deprecateEOF = 1 << 24
	// capabilities are those of MySQL 8 without TLS, compression, several statements and
	// LOAD DATA LOCAL: long passwords, found rows, long flags, an initial database, protocol
	// 4.1, transactions, authentication by plugins with attributes, no EOF packets.
	capabilities = 1 | 2 | 4 | withDatabase | 1<<9 | 1<<13 | 1<<15 | 1<<19 | 1<<20 | 1<<21 | deprecateEOF
)

// errDenied is a logon that was refused, after the client was told so.
var errDenied = errors.New("access denied")

// logon lets a client in, or tells it why not.
func (c *conn) logon() error {
	nonce := newNonce()
	if err := c.write(c.greeting(nonce)); err != nil {
		return err
	}
	p, err := c.read()
	if err != nil || len(p) < 33 {
		return errors.Join(err, errors.New("no logon"))
	}
	flags := binary.LittleEndian.Uint32(p)
	c.deprecateEOF = flags&deprecateEOF != 0
	user, p, ok := cutText(p[32:])
	if !ok {
		return errors.New("no user")
	}
	proof, p, ok := cutShort(p)
	if ok && flags&withDatabase != 0 {
		_, p, ok = cutText(p)
	}
	plugin, _, named := cutText(p)
	if !ok || !named {
		return errors.New("no plugin")
	}
	if want := c.server.plugin(); plugin != want {
		if proof, err = c.switchTo(want, nonce); err != nil {
			return err
		}
	}
	return c.prove(user, proof, nonce)
}

func (s *Server) plugin() string {
	if s.options.Native {
		return native
	}
	return cachingSHA2
}

// newNonce has no zero byte, which would end it.
func newNonce() []byte {
	nonce := make([]byte, 20)
	_, _ = rand.Read(nonce) // which never fails
	for i := range nonce {
		nonce[i] = nonce[i]%94 + 33
	}
	return nonce
}

// greeting is version 10 of the handshake. MySQL 8 announces its default way to log on,
// whatever the account has.
func (c *conn) greeting(nonce []byte) []byte {
	b := append([]byte{10}, c.version+"\x00"...)
	b = binary.LittleEndian.AppendUint32(b, c.number)
	b = append(append(b, nonce[:8]...), 0)
	b = binary.LittleEndian.AppendUint16(b, capabilities&0xffff)
	b = append(b, 255, 2, 0) // utf8mb4_0900_ai_ci, autocommit
	b = binary.LittleEndian.AppendUint16(b, capabilities>>16)
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	return append(append(append(b, nonce[8:]...), 0), cachingSHA2+"\x00"...)
}

func (c *conn) switchTo(plugin string, nonce []byte) (proof []byte, err error) {
	b := append([]byte{0xfe}, plugin+"\x00"...)
	if err := c.write(append(append(b, nonce...), 0)); err != nil {
		return nil, err
	}
	return c.read()
}

// prove compares what the client knows with the password.
func (c *conn) prove(user string, proof, nonce []byte) error {
	o := c.server.options
	denied := func() error {
		using := "YES"
		if len(proof) == 0 {
			using = "NO"
		}
		message := fmt.Sprintf("Access denied for user '%s'@'localhost' (using password: %s)", user, using)
		return errors.Join(errDenied, c.write(errorPacket(1045, "28000", message)))
	}
	switch {
	case user != o.User, (len(proof) == 0) != (o.Password == ""):
		return denied()
	case o.Password == "":
	case o.Native:
		if !bytes.Equal(proof, nativeProof(o.Password, nonce)) {
			return denied()
		}
	case c.server.isCached():
		if !bytes.Equal(proof, sha2Proof(o.Password, nonce)) {
			return denied()
		}
		return c.write([]byte{1, 3}, okPacket) // fast authentication
	default:
		// The server knows a slow hash only, until it has seen the password once.
		password, err := c.fullPassword(nonce)
		if err != nil {
			return err
		}
		if password != o.Password {
			return denied()
		}
		c.server.cache()
	}
	return c.write(okPacket)
}

func (s *Server) isCached() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.cached
}

func (s *Server) cache() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.cached = true
}

// fullPassword asks for the password itself: in plain text over a unix socket, otherwise
// encrypted by the server's key.
func (c *conn) fullPassword(nonce []byte) (string, error) {
	if err := c.write([]byte{1, 4}); err != nil {
		return "", err
	}
	p, err := c.read()
	if err != nil {
		return "", err
	}
	if len(p) == 1 && p[0] == 2 {
		key, text := serverKey()
		if err := c.write(append([]byte{1}, text...)); err != nil {
			return "", err
		}
		if p, err = c.read(); err != nil {
			return "", err
		}
		if p, err = rsa.DecryptOAEP(sha1.New(), nil, key, p, nil); err != nil {
			return "", err
		}
		for i := range p {
			p[i] ^= nonce[i%len(nonce)]
		}
	} else if !c.private() {
		return "", errors.New("a password in plain text on a network")
	}
	password, _, ok := cutText(p)
	if !ok {
		return "", errors.New("a password that does not end")
	}
	return password, nil
}

func (c *conn) private() bool { return c.LocalAddr().Network() == "unix" }

// serverKey makes the key when it is first asked for.
var serverKey = sync.OnceValues(func() (*rsa.PrivateKey, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // there is no randomness
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // a key that was just made
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
})

// sha2Proof is SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce).
func sha2Proof(password string, nonce []byte) []byte {
	once := digest(sha256.New(), []byte(password))
	twice := digest(sha256.New(), once)
	return xor(once, digest(sha256.New(), twice, nonce))
}

// nativeProof is SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))).
func nativeProof(password string, nonce []byte) []byte {
	once := digest(sha1.New(), []byte(password))
	twice := digest(sha1.New(), once)
	return xor(once, digest(sha1.New(), nonce, twice))
}

func digest(h hash.Hash, parts ...[]byte) []byte {
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func xor(a, b []byte) []byte {
	for i := range a {
		a[i] ^= b[i]
	}
	return a
}
