package starhost

import (
	"strings"
	"testing"

	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/worker"
)

// Whoever asks for the whole sandbox gets it or an error that says what is missing.
func TestIsolation(t *testing.T) {
	all := make([]worker.Feature, 0, len(worker.Features))
	for _, name := range worker.Features {
		all = append(all, worker.Feature{Name: name, InForce: true})
	}
	full := config.Workload{Name: "orders", Isolation: config.IsolationFull}
	p := &prepared{}
	if err := p.isolated(full, all); err != nil {
		t.Errorf("everything is in force: %v", err)
	}
	if err := p.isolated(full, nil); err == nil {
		t.Error("no worker at all is enough for isolation = full")
	}
	for i, name := range worker.Features {
		some := append([]worker.Feature(nil), all...)
		some[i] = worker.Feature{Name: name, Why: "not here"}
		if err := p.isolated(full, some); err == nil || !strings.Contains(err.Error(), name+" (not here)") {
			t.Errorf("without %s: %v", name, err)
		}
		if err := p.isolated(config.Workload{Isolation: config.IsolationAvailable}, some); err != nil {
			t.Errorf("without %s, isolation = available: %v", name, err)
		}
		if f := checkIsolation(full, some); !strings.Contains(f.Detail, name) {
			t.Errorf("check does not say that %s is missing: %s", name, f.Detail)
		}
	}
}
