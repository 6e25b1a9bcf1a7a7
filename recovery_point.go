package starhost

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// FoundPoint is a recovery point that was found, with what this machine knows of its
// run. The file was written before the snapshot was taken: it does not say by itself
// whether there is a snapshot, nor what that is worth.
type FoundPoint struct {
	run.RecoveryPointFile
	Path    string // of the file
	Carried bool   // by a disk; otherwise it is the file in the state directory
	Of      string // the workload whose last one was asked for
	// Merged says that After comes from the state directory, Differs that the state
	// directory has another Before for this run, so that nothing was taken from there.
	Merged, Differs bool
	// Status is what the journal of the run says, and Verdicts what its report says of
	// each workload; nil where this machine has none.
	Status   *RunStatus
	Verdicts map[string]run.Verdict

	text    []byte
	uid     int  // of whoever owns the file
	strange bool // who is neither root nor us
}

// RecoveryPoint finds a recovery point: of a run, by its name; of the copy of a disk that
// is mounted at a directory; or the last one of a workload; for "" the last one that came
// so far. A directory goes before a workload of the same name.
func RecoveryPoint(stateDir, runtimeDir, which string) (*FoundPoint, error) {
	f, err := findPoint(stateDir, which)
	if err != nil {
		return nil, err
	}
	if f.Carried {
		f.merge(stateDir)
	}
	if runID.MatchString(f.Run) { // anything may be in a file on a disk
		f.Status = statusOfRun(stateDir, runtimeDir, f.Run)
		f.Verdicts = verdictsOf(stateDir, f.Run)
	}
	return f, nil
}

func findPoint(stateDir, which string) (*FoundPoint, error) {
	dir := recoveryPoints(stateDir)
	if runID.MatchString(which) {
		return readPoint(dir, which+".json")
	}
	if info, err := os.Stat(which); which != "" && err == nil && info.IsDir() {
		return carriedPoint(which)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names) // names sort by time
	for _, name := range slices.Backward(names) {
		f, err := readPoint(dir, filepath.Base(name))
		switch {
		case which == "":
			return f, err
		case err == nil && f.has(which):
			f.Of = which
			return f, nil
		}
	}
	if which == "" {
		return nil, fmt.Errorf("there is no recovery point in %s yet", dir)
	}
	carried := filepath.Join(which, run.CarriedDir, run.CarriedFile)
	if strings.ContainsRune(which, filepath.Separator) {
		return nil, fmt.Errorf("there is no recovery point %s: there is no directory %s", carried, which)
	}
	return nil, fmt.Errorf("there is no recovery point %s, and none of a workload %s in %s", carried, which, dir)
}

func (f *FoundPoint) has(workload string) bool {
	return slices.ContainsFunc(f.Members, func(m run.RecoveryPointMember) bool { return m.Workload == workload })
}

// merge takes what the postscripts returned from the state directory, if the run was made
// on this machine. It is the same run only if what was recorded before is the same, too.
func (f *FoundPoint) merge(stateDir string) {
	if !runID.MatchString(f.Run) {
		return
	}
	kept, err := readPoint(recoveryPoints(stateDir), f.Run+".json")
	if err != nil {
		return
	}
	if !slices.EqualFunc(f.Members, kept.Members, func(a, b run.RecoveryPointMember) bool {
		return a.Workload == b.Workload && a.Script == b.Script && a.Before.Equal(b.Before)
	}) {
		f.Differs = true
		return
	}
	for i := range f.Members {
		if f.Members[i].After.IsNone() && !kept.Members[i].After.IsNone() {
			f.Members[i].After, f.Merged = kept.Members[i].After, true
		}
	}
}

// JSON returns the recovery point as its file has it; what was merged is in it.
func (f *FoundPoint) JSON() ([]byte, error) {
	if !f.Merged {
		return f.text, nil
	}
	text, err := json.MarshalIndent(f.RecoveryPointFile, "", "  ")
	return append(text, '\n'), err
}

// Doubt says why a snapshot of the run is not to be taken for a good one, as far as this
// machine knows; "" if it knows nothing against it.
func (f *FoundPoint) Doubt() string {
	s := f.Status
	switch {
	case f.strange:
		return fmt.Sprintf("%s belongs to uid %d, neither to root nor to you: whoever that is may have written anything into it", f.Path, f.uid)
	case f.Differs:
		return fmt.Sprintf("%s is not what was recorded for run %s on this machine: do not rely on it; see starhost recovery-point %s", f.Path, f.Run, f.Run)
	case s == nil:
		return ""
	case s.State == RunAlive:
		return fmt.Sprintf("run %s is under way: what its snapshot is worth is not known yet", f.Run)
	case s.State == RunDead:
		return fmt.Sprintf("run %s died: treat a snapshot of it as crash; starhost status says whether something is held", f.Run)
	case s.Verdict == "":
		return fmt.Sprintf("run %s ended without a verdict, exit status %d: it has no snapshot, or one to be treated as crash", f.Run, s.Exit)
	case s.Exit == run.ExitVerdict:
		return fmt.Sprintf("run %s ended with exit status 5, verdict %s: that is less than was required", f.Run, s.Verdict)
	}
	return ""
}

// statusOfRun is what the journal of one run says; nil if there is none that can be read.
func statusOfRun(stateDir, runtimeDir, id string) *RunStatus {
	path, err := journal.Path(journals(stateDir), id)
	if err != nil {
		return nil
	}
	info := journal.Info{Run: id, Path: path}
	if records, _, err := journal.Read(journal.OS{}, path); err == nil && len(records) > 0 {
		info.Begin = records[0]
	}
	s, err := statusFrom(stateDir, runtimeDir, info)
	if err != nil || len(s.Members) == 0 {
		return nil
	}
	s.judged(stateDir)
	return s
}

// verdictsOf is what the report of a run says of each workload; nil if none was kept.
func verdictsOf(stateDir, id string) map[string]run.Verdict {
	text, err := os.ReadFile(reportPath(stateDir, id))
	if err != nil {
		return nil
	}
	var report struct {
		Members []struct {
			Workload string      `json:"workload"`
			Verdict  run.Verdict `json:"verdict"`
		} `json:"members"`
	}
	if json.Unmarshal(text, &report) != nil {
		return nil
	}
	verdicts := map[string]run.Verdict{}
	for _, m := range report.Members {
		verdicts[m.Workload] = m.Verdict
	}
	return verdicts
}
