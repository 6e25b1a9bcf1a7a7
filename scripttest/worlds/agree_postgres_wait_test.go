package worlds_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// reloaded returns a function that waits until the session of admin has another configuration.
func reloaded(t *testing.T, admin *pgx.Conn) func() {
	const query = "SELECT pg_conf_load_time()::text"
	var before, now string
	if err := admin.QueryRow(t.Context(), query).Scan(&before); err != nil {
		t.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for now = before; now == before; {
			if err := admin.QueryRow(ctx, query).Scan(&now); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// archived waits until something is, which takes as long as its command.
func archived(t *testing.T, admin *pgx.Conn) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for any := false; !any; {
		if err := admin.QueryRow(ctx, "SELECT archived_count > 0 FROM pg_stat_archiver").Scan(&any); err != nil {
			t.Fatal(err)
		}
	}
}
