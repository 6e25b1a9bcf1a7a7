package config

import (
	"crypto/aes"
	"encoding/binary"
	"errors"
)

// Sizes of ~/.mylogin.cnf, as mysql_config_editor writes it: four bytes without a
// meaning, the key, then one line after the other, each with its length before it.
const (
	loginHeader   = 4
	loginKey      = 20
	loginMaxChunk = 4096
)

var errLoginFile = errors.New("this is not a file of mysql_config_editor, or it was cut off; make it anew with mysql_config_editor set")

// decryptLogin returns the text of ~/.mylogin.cnf, which is that of an option file. It
// is encrypted so that it is not read over a shoulder: the key stands in it.
func decryptLogin(data []byte) (string, error) {
	if len(data) < loginHeader+loginKey {
		return "", errLoginFile
	}
	var key [aes.BlockSize]byte
	for i, b := range data[loginHeader : loginHeader+loginKey] {
		key[i%len(key)] ^= b
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return "", err
	}
	var text []byte
	for data = data[loginHeader+loginKey:]; len(data) > 0; {
		if len(data) < 4 {
			return "", errLoginFile
		}
		size := binary.LittleEndian.Uint32(data)
		data = data[4:]
		if size == 0 || size > loginMaxChunk || size%aes.BlockSize != 0 || int(size) > len(data) {
			return "", errLoginFile
		}
		line := make([]byte, size)
		for i := 0; i < len(line); i += aes.BlockSize {
			block.Decrypt(line[i:], data[i:])
		}
		if line, err = withoutPadding(line); err != nil {
			return "", err
		}
		text, data = append(text, line...), data[size:]
	}
	return string(text), nil
}

// withoutPadding removes that of PKCS#7.
func withoutPadding(line []byte) ([]byte, error) {
	n := int(line[len(line)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, errLoginFile
	}
	for _, b := range line[len(line)-n:] {
		if int(b) != n {
			return nil, errLoginFile
		}
	}
	return line[:len(line)-n], nil
}
