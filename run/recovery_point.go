package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// CarriedDir is the folder on a filesystem in which a snapshot of it carries the
// recovery point, and CarriedFile the file in it.
const (
	CarriedDir  = ".starhost"
	CarriedFile = "recovery-point.json"
)

// RecoveryPointFile is the content of a recovery point's file.
type RecoveryPointFile struct {
	Run     string                `json:"run"`
	Time    time.Time             `json:"time"` // of Before
	Members []RecoveryPointMember `json:"members"`
}

// RecoveryPointMember is the part of one workload.
type RecoveryPointMember struct {
	Workload string       `json:"workload"`
	Script   ScriptReport `json:"script"`
	Before   action.Value `json:"before"`
	After    action.Value `json:"after"`
}

func (l *life) recoveryPointPath() string {
	return filepath.Join(l.RecoveryPoints, l.ID+".json")
}

// saveRecoveryPoint writes the recovery point: before the snapshot to the journal,
// to its file, and to every filesystem that will be in the snapshot; after it to its
// file again.
func (l *life) saveRecoveryPoint(after bool) error {
	if l.recorded.IsZero() {
		l.recorded = time.Now().UTC()
	}
	content := RecoveryPointFile{Run: l.ID, Time: l.recorded}
	for _, m := range l.members {
		content.Members = append(content.Members, RecoveryPointMember{m.Workload, ScriptReport{m.Name, m.SHA256}, m.before, m.after})
	}
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if after {
		return l.keep(text)
	}
	for i, m := range l.members {
		last := i == len(l.members)-1
		_, jerr := l.Journal.Append(journal.Record{Type: journal.TypeRecoveryPoint, Member: m.Workload, Value: m.before}, last)
		err = errors.Join(err, jerr)
	}
	if err != nil {
		return err
	}
	if err := l.keep(text); err != nil {
		return err
	}
	return l.carry(text)
}

// keep writes the file of the recovery point, unless none are kept.
func (l *life) keep(text []byte) error {
	if l.RecoveryPoints == "" {
		return nil
	}
	return writeBelow(l.RecoveryPoints, l.ID+".json", text)
}

// forgetRecoveryPoint removes the file of a run without a snapshot: nobody must take
// it for that of one. It stays in the journal.
func (l *life) forgetRecoveryPoint() {
	if l.RecoveryPoints == "" {
		return
	}
	if err := os.Remove(l.recoveryPointPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.Log.Warn().Err(err).Msg("the recovery point of a run without a snapshot could not be removed")
	}
}

// carry writes the recovery point to the filesystems. It is required where we
// freeze them: a restored disk without it cannot say what it is.
func (l *life) carry(text []byte) error {
	if l.RecoveryPoints == "" {
		return nil
	}
	for _, dir := range l.Filesystems.Carriers(true) {
		if err := writeBelow(dir, carriedName, text); err != nil {
			return fmt.Errorf("on %s: %w", dir, err)
		}
	}
	for _, dir := range l.Filesystems.Carriers(false) {
		if err := writeBelow(dir, carriedName, text); err != nil {
			l.Log.Warn().Err(err).Str("mountpoint", dir).Msg("the snapshot will not carry the recovery point")
		}
	}
	return nil
}

// carriedName is the file below a mountpoint.
const carriedName = CarriedDir + "/" + CarriedFile
