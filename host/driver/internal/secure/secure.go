// Package secure makes the TLS configuration that a connection's parameters ask for: "tls",
// "sslrootcert", "sslcert" and "sslkey". It reads files, as whoever calls it.
package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/starhost/starhost/host/driver"
)

// Config returns what the mode asks for, nil for a connection without TLS. Modes are "false"
// or "", "true", "verify-ca" (the host name is not looked at) and "skip-verify". Others are
// modes that the caller deals with; messages name them.
func Config(cfg driver.Config, mode string, others ...string) (*tls.Config, error) {
	t := &tls.Config{ServerName: cfg.Host, MinVersion: tls.VersionTLS12}
	switch mode {
	case "", "false":
		return nil, nil
	case "true":
	case "skip-verify":
		t.InsecureSkipVerify = true
	case "verify-ca":
		t.InsecureSkipVerify = true
		t.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(t.RootCAs, state) }
	default:
		return nil, fmt.Errorf("connection: tls: got %q, want one of %s", mode,
			strings.Join(append([]string{"true", "false", "verify-ca", "skip-verify"}, others...), ", "))
	}
	if err := loadCertificate(t, cfg.Params["sslcert"], cfg.Params["sslkey"]); err != nil {
		return nil, err
	}
	if file := cfg.Params["sslrootcert"]; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("connection: sslrootcert: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("connection: sslrootcert: %s holds no certificate in PEM form", file)
		}
	}
	return t, nil
}

// loadCertificate reads what we show ourselves by, if there is any.
func loadCertificate(t *tls.Config, cert, key string) error {
	if cert == "" && key == "" {
		return nil
	}
	if cert == "" || key == "" {
		return errors.New("connection: sslcert and sslkey belong together; give both")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("connection: sslcert and sslkey: %w", err)
	}
	t.Certificates = []tls.Certificate{pair}
	return nil
}

// verifyChain is the verification of package tls without the name of the host.
func verifyChain(roots *x509.CertPool, state tls.ConnectionState) error {
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}
