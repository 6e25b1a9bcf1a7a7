package oracle

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/starhost/starhost/host/driver"
)

// transport returns what "tls" and the files ask for; nil is plain TCP.
func transport(cfg driver.Config) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	switch mode := cfg.Params["tls"]; mode {
	case "", "false":
		for _, param := range []string{"sslrootcert", "sslcert", "sslkey"} {
			if cfg.Params[param] != "" {
				return nil, fmt.Errorf("connection: %s has no use without tls: add tls=true", param)
			}
		}
		return nil, nil
	case "true":
	case "skip-verify":
		t.InsecureSkipVerify = true
	case "verify-ca":
		t.InsecureSkipVerify = true
		t.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(t.RootCAs, state) }
	default:
		return nil, fmt.Errorf(`connection: tls: got %q, want "true", "false", "verify-ca" or "skip-verify"`, mode)
	}
	if err := loadCertificate(t, cfg.Params["sslcert"], cfg.Params["sslkey"]); err != nil {
		return nil, err
	}
	file := cfg.Params["sslrootcert"]
	if file == "" {
		return t, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("connection: sslrootcert: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("connection: sslrootcert: %s holds no certificate in PEM form", file)
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
