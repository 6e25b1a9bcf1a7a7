package starhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/starhost/starhost/run"
)

var runID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)

// RecoveryPoint returns the file of a recovery point as JSON text: of a run, of the
// copy of a disk that is mounted at a directory, or, for "", of the last run that
// came so far.
func RecoveryPoint(stateDir, which string) ([]byte, error) {
	path, err := recoveryPointPath(stateDir, which)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no recovery point %s", path)
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &run.RecoveryPointFile{}); err != nil {
		return nil, fmt.Errorf("%s is no recovery point: %w", path, err)
	}
	return text, nil
}

func recoveryPointPath(stateDir, which string) (string, error) {
	dir := recoveryPoints(stateDir)
	if runID.MatchString(which) {
		return filepath.Join(dir, which+".json"), nil
	}
	if which != "" {
		return filepath.Join(which, run.CarriedDir, run.CarriedFile), nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("there is no recovery point in %s yet", dir)
	}
	return slices.Max(files), nil // names sort by time
}
