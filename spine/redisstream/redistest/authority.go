package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is a certificate authority, and the one certificate that it has issued.
type authority struct {
	pool             *x509.CertPool
	file             string // its own certificate
	certificate, key string // files of the server
}

// newAuthority makes both, with files in a folder.
func newAuthority(folder string) (authority, error) {
	a := authority{
		pool:        x509.NewCertPool(),
		file:        filepath.Join(folder, "ca.crt"),
		certificate: filepath.Join(folder, "server.crt"),
		key:         filepath.Join(folder, "server.key"),
	}
	root := certificate(1, "redistest authority")
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	if root, err = issue(root, root, &rootKey.PublicKey, rootKey, a.file); err != nil {
		return authority{}, err
	}
	a.pool.AddCert(root)
	return a, issueServer(a, root, rootKey)
}

func issueServer(a authority, root *x509.Certificate, rootKey *ecdsa.PrivateKey) error {
	server := certificate(2, "redistest server")
	server.DNSNames, server.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	server.KeyUsage, server.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if _, err := issue(server, root, &key.PublicKey, rootKey, a.certificate); err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(a.key, "EC PRIVATE KEY", der)
}

// certificate is a form to be filled in. It is valid for longer than any test, and from before now,
// for clocks that are put back.
func certificate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

// issue signs a certificate and writes it to a file.
func issue(form, parent *x509.Certificate, of *ecdsa.PublicKey, by *ecdsa.PrivateKey, file string) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, form, parent, of, by)
	if err != nil {
		return nil, err
	}
	if err := writePEM(file, "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

func (a authority) config() *tls.Config {
	return &tls.Config{RootCAs: a.pool, MinVersion: tls.VersionTLS12}
}
