package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
)

// keys writes the pair with which service account tokens are signed and
// checked: sa.key and sa.pub in the directory that is its one argument.
func keys(arguments []string) int {
	if len(arguments) != 1 {
		return fail("keys", errors.New("give one directory"))
	}
	if err := writeKeys(arguments[0]); err != nil {
		return fail("keys", err)
	}
	return 0
}

func writeKeys(directory string) error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return err
	}
	blocks := map[string]*pem.Block{
		"sa.key": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)},
		"sa.pub": {Type: "PUBLIC KEY", Bytes: public},
	}
	for name, block := range blocks {
		if err := os.WriteFile(filepath.Join(directory, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
