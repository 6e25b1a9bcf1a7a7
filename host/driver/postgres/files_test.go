package postgres_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/postgres"
)

// TestFilesOfUser has a file that is no certificate, and that only root can read.
func TestFilesOfUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	file := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for ofUser, want := range map[bool]string{false: "unable to add CA", true: "permission denied"} {
		_, err := postgres.Connect(t.Context(), driver.Config{
			User: "u", Host: "h", OSUser: "daemon", FilesOfUser: ofUser, Params: map[string]string{"sslmode": "verify-ca", "sslrootcert": file},
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", ofUser, err, want)
		}
	}
}
