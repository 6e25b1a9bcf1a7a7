package testdb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
)

func TestPostgresMajor(t *testing.T) {
	for _, major := range []int{14, 15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			var version string
			s := testdb.PostgresMajor(t, major, testdb.Options{})
			if err := s.Pgx(t).QueryRow(t.Context(), "SHOW server_version").Scan(&version); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(version, fmt.Sprint(major, ".")) {
				t.Errorf("PostgreSQL %d says it is %s", major, version)
			}
		})
	}
}
