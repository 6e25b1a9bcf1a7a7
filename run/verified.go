package run

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// keepVerified puts what verifies have returned on the disk, in the part of the recovery
// point that is after the snapshot. Without it the copy cannot be recovered, so who
// returned it is not proven if it cannot be kept.
func (l *life) keepVerified() error {
	kept := slices.DeleteFunc(slices.Clone(l.members), func(m *memberState) bool { return m.after.IsNone() })
	if len(kept) == 0 {
		return nil
	}
	var err error
	for i, m := range kept {
		_, jerr := l.Journal.Append(journal.Record{Type: journal.TypeRecoveryPoint, Member: m.Workload, Value: m.after}, i == len(kept)-1)
		err = errors.Join(err, jerr)
	}
	if err = errors.Join(err, l.saveRecoveryPoint(true)); err == nil {
		return nil
	}
	err = &action.Fault{Kind: action.KindVerify, Message: fmt.Sprintf("what verify returned cannot be kept, and the copy needs it: %v", err)}
	for _, m := range kept {
		m.quiesced, m.err = false, cmp.Or(m.err, err)
	}
	return err
}

// withVerified adds what the postscript returned to what verify did.
func withVerified(verified, value action.Value) (action.Value, error) {
	switch {
	case verified.IsNone():
		return value, nil
	case value.IsNone():
		return verified, nil
	case value.Kind() != action.DictKind:
		return verified, fmt.Errorf("postscript returned %s, want None or a dict: verify returned a dict, too", value)
	}
	for i, key := range value.Keys() {
		if slices.Contains(verified.Keys(), key) {
			return verified, fmt.Errorf("postscript returned %q, which verify returned already", key)
		}
		verified = verified.With(key, value.Items()[i])
	}
	return verified, nil
}
