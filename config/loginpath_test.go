package config

import (
	"crypto/aes"
	"encoding/binary"
	"strings"
	"testing"
)

// encryptLogin makes what mysql_config_editor would have made of the lines.
func encryptLogin(lines ...string) string {
	material := []byte("0123456789abcdefGHIJ")
	var key [16]byte
	for i, b := range material {
		key[i%16] ^= b
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	data := append(make([]byte, 4), material...)
	for _, line := range lines {
		padding := 16 - len(line)%16
		plain := append([]byte(line), strings.Repeat(string(rune(padding)), padding)...)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(plain)))
		for i := 0; i < len(plain); i += 16 {
			data = append(data, make([]byte, 16)...)
			block.Encrypt(data[len(data)-16:], plain[i:])
		}
	}
	return string(data)
}

func TestDecryptLogin(t *testing.T) {
	whole := encryptLogin("[client]\n", "user = \"somebody with a long name\"\n", "0123456789abcde\n")
	text, err := decryptLogin([]byte(whole))
	if err != nil || text != "[client]\nuser = \"somebody with a long name\"\n0123456789abcde\n" {
		t.Errorf("got %q, %v", text, err)
	}
	if text, err := decryptLogin([]byte(encryptLogin())); err != nil || text != "" {
		t.Errorf("got %q, %v", text, err)
	}
	for n := range len(whole) {
		if n == 24 || n == 24+20 || n == 24+20+52 {
			continue // the end of a line
		}
		if text, err := decryptLogin([]byte(whole[:n])); err == nil {
			t.Errorf("%d bytes are a file: %q", n, text)
		}
	}
	broken := []byte(whole)
	broken[30] ^= 1
	if text, err := decryptLogin(broken); err == nil {
		t.Errorf("a file with a flipped bit is one: %q", text)
	}
}

// FuzzLoginPath reads any file: it must not panic.
func FuzzLoginPath(f *testing.F) {
	f.Add([]byte(encryptLogin("[client]\n", "user = x\n")))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decryptLogin(data) })
}
