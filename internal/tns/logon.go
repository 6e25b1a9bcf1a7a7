package tns

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/starhost/starhost/scripttest/worlds"
)

var serviceOf = regexp.MustCompile(`\((?:SERVICE_NAME|SID)=([^()]*)\)`)

// logon is what comes before the first statement.
func (c *conn) logon() error {
	steps := []func() error{c.connect, c.protocol, c.dataTypes, c.authenticate}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// connect accepts the connection if the service is ours. The version in the answer, 314,
// is the last one with lengths of 16 bits for good; no option is agreed on.
func (c *conn) connect() error {
	p, err := c.next()
	if err != nil {
		return err
	}
	if p.kind != connectPacket || len(p.body) < 20 {
		return errors.New("tns: this is no client of Oracle")
	}
	length, offset := binary.BigEndian.Uint16(p.body[16:]), binary.BigEndian.Uint16(p.body[18:])
	descriptor := p.body[min(int(offset)-headLength, len(p.body)):]
	if len(descriptor) < int(length) { // a long one comes in a packet of its own
		if descriptor, err = c.nextData(); err != nil {
			return err
		}
	}
	match := serviceOf.FindSubmatch(descriptor)
	if match == nil || !strings.EqualFold(string(match[1]), service) {
		text := "(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"
		body := binary.BigEndian.AppendUint16([]byte{4, 4}, uint16(len(text)))
		_ = writePacket(c.raw, refusePacket, append(body, text...))
		return errGone
	}
	body := make([]byte, 24)
	binary.BigEndian.PutUint16(body[0:], 314)         // version
	binary.BigEndian.PutUint16(body[4:], dataUnit+64) // of a session
	binary.BigEndian.PutUint16(body[6:], dataUnit+64) // of the transport
	binary.BigEndian.PutUint16(body[8:], 1)           // byte order
	binary.BigEndian.PutUint16(body[12:], headLength+24)
	return writePacket(c.raw, acceptPacket, body)
}

// protocol agrees on the character sets, AL32UTF8 and AL16UTF16, and on abilities: those
// that make the fewest messages.
func (c *conn) protocol() error {
	if _, err := c.nextData(); err != nil {
		return err
	}
	var m message
	m.bytes(1, 6, 0)
	m.WriteString("a stand-in for an Oracle server, for go-ora\x00")
	m.bytes(0x69, 0x03, 1, 0, 0)
	m.bytes(0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x07, 0xD0)
	m.bytes(8, 6, 1, 1, 1, 2, 1, 1, 2) // of those, the fifth is the form of logon, the last the level of the protocol
	m.bytes(2, 2, 1)
	return c.send(&m)
}

// dataTypes takes whatever the client calls its types. The time zone is UTC.
func (c *conn) dataTypes() error {
	if _, err := c.nextData(); err != nil {
		return err
	}
	var m message
	m.bytes(2)
	m.bytes(0x80, 0, 0, 0, 60, 60, 60, 0x80, 0, 0, 0)
	m.bytes(0)
	return c.send(&m)
}

const (
	sessionKeyLength = 48
	saltedSHA1       = 6949 // the verifier of Oracle 11
)

// Modes of logon, as bits.
const (
	asSYSDBA    = 0x20
	asSYSBACKUP = 0x01000000
)

// authenticate is the exchange that is known as O5LOGON: both sides send a key of the
// session, encrypted by what is known of the password, and the client the password,
// encrypted by both of them.
func (c *conn) authenticate() error {
	data, err := c.nextData()
	if err != nil {
		return err
	}
	user, _, _ := readLogon(&request{rest: data, more: c.nextData})
	password, known := c.l.cfg.Users[strings.ToUpper(user)]
	salt, ours := make([]byte, 10), make([]byte, sessionKeyLength)
	_, _ = rand.Read(salt) // never fails
	_, _ = rand.Read(ours)
	hash := sha1.Sum(append([]byte(password), salt...))
	key := append(hash[:], 0, 0, 0, 0)
	var m message
	m.bytes(8)
	m.num(2)
	m.pair("AUTH_SESSKEY", fmt.Sprintf("%X", encrypt(key, ours)), 0)
	m.pair("AUTH_VFR_DATA", fmt.Sprintf("%X", salt), saltedSHA1)
	m.summary(0, "", 0)
	if err := c.send(&m); err != nil {
		return err
	}
	if data, err = c.nextData(); err != nil {
		return err
	}
	user, mode, values := readLogon(&request{rest: data, more: c.nextData})
	theirs, _ := hex.DecodeString(values["AUTH_SESSKEY"])
	sent, _ := hex.DecodeString(values["AUTH_PASSWORD"])
	if !known || !matches(password, ours, decrypt(key, theirs), sent) {
		return c.refuseLast(1017, "ORA-01017: invalid username/password; logon denied")
	}
	return c.enter(user, mode, values["AUTH_PROGRAM_NM"])
}

// readLogon reads either of the two messages of the logon.
func readLogon(r *request) (user string, mode uint64, values map[string]string) {
	r.take(4)
	r.num()
	mode = r.num()
	r.byte()
	pairs := r.num()
	r.take(2)
	user, values = string(r.text()), map[string]string{}
	for range min(pairs, 100) {
		key, value := r.pair()
		values[key] = value
	}
	return user, mode, values
}

// matches reports whether the client has sent the password.
func matches(password string, ours, theirs, sent []byte) bool {
	if len(theirs) != sessionKeyLength {
		return false
	}
	mixed := make([]byte, 24)
	for i := range mixed {
		mixed[i] = ours[16+i] ^ theirs[16+i]
	}
	first, second := md5.Sum(mixed[:16]), md5.Sum(mixed[16:])
	plain := decrypt(append(first[:], second[:8]...), sent)
	if len(plain) < 2*aes.BlockSize {
		return false
	}
	padding := int(plain[len(plain)-1])
	end := len(plain) - padding
	return end >= aes.BlockSize && bytes.Equal(plain[aes.BlockSize:end], []byte(password))
}

func encrypt(key, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(out, plain)
	return out
}

func decrypt(key, secret []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil || len(secret)%aes.BlockSize != 0 {
		return nil
	}
	out := make([]byte, len(secret))
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(out, secret)
	return out
}

// enter opens the session in the world and tells the client about it.
func (c *conn) enter(user string, mode uint64, program string) error {
	var id string
	if !c.l.ask(func(w worlds.Server) { id = w.Connect() }) {
		return errGone
	}
	_, serial, _ := strings.Cut(id, ",")
	if serial == "" {
		n, _ := strconv.Atoi(id)
		serial = strconv.Itoa(1000 + 7*n)
	}
	c.l.mu.Lock()
	c.id, c.serial, c.user, c.program = id, serial, strings.ToUpper(user), program
	switch {
	case mode&asSYSDBA != 0:
		c.mode = "SYSDBA"
	case mode&asSYSBACKUP != 0:
		c.mode = "SYSBACKUP"
	}
	c.l.mu.Unlock()
	facts := [][2]string{
		{"AUTH_SESSION_ID", sid(id)},
		{"AUTH_SERIAL_NUM", serial},
		{"AUTH_SC_INSTANCE_NAME", instance},
		{"AUTH_SC_SERVICE_NAME", service},
		{"AUTH_SC_DBUNIQUE_NAME", service},
	}
	var m message
	m.bytes(8)
	m.num(uint64(len(facts)))
	for _, fact := range facts {
		m.pair(fact[0], fact[1], 0)
	}
	if c.l.cfg.Expiring {
		text := "ORA-28002: the password will expire within 7 days"
		m.bytes(15)
		m.nums(28002, uint64(len(text)), 0)
		m.text([]byte(text))
	}
	m.bytes(23, 5) // settings of the session's language
	m.num(0)
	m.bytes(0)
	m.num(1)
	m.bytes(0)
	m.pair("AUTH_NLS_LXLAN", "AMERICAN", 16)
	m.num(0)
	m.summary(0, "", 0)
	return c.send(&m)
}

// version says what the client asks for after the logon.
func (c *conn) version() error {
	const text = "Oracle Database 19c (stand-in)"
	var m message
	m.bytes(8)
	m.counted(text)
	m.num(19 << 24)
	m.bytes(9)
	return c.send(&m)
}
