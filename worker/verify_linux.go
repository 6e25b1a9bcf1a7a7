package worker

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// status is what /proc/PID/status says of one thread.
type status struct {
	data       uint64 // bytes of data, as RLIMIT_DATA counts it
	uid        string // real, effective, saved, filesystem
	caps       string // the sets that are not empty
	noNewPrivs bool
	seccomp    string
}

// readStatus reads a status file.
func readStatus(file string) (status, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return status{}, err
	}
	var s status
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "VmData":
			kib, err := strconv.ParseUint(strings.TrimSuffix(value, " kB"), 10, 64)
			if err != nil {
				return s, fmt.Errorf("%s: VmData: %w", file, err)
			}
			s.data = kib << 10
		case "Uid":
			s.uid = value
		case "CapInh", "CapPrm", "CapEff", "CapAmb":
			if strings.Trim(value, "0") != "" {
				s.caps += name + " " + value + " "
			}
		case "NoNewPrivs":
			s.noNewPrivs = value == "1"
		case "Seccomp":
			s.seccomp = value
		}
	}
	return s, nil
}

// verify looks at a worker that says it is ready, from outside. It returns what is
// not in force, and why, by the name of the feature.
func (p *process) verify() map[string]string {
	wrong := map[string]string{}
	folder := fmt.Sprintf("/proc/%d", p.os.Pid)
	if err := p.verifyThreads(folder, wrong); err != nil {
		for _, name := range []string{FeatureUser, FeatureNoNewPrivs, FeatureSeccomp} {
			wrong[name] = "it cannot be verified: " + err.Error()
		}
	}
	if err := p.verifyLimits(folder); err != nil {
		wrong[FeatureLimits] = err.Error()
	}
	// To see the namespaces of a process that is not dumpable takes root; the
	// kernel has made them, or the process would not be there.
	theirs, err := os.Readlink(folder + "/ns/net")
	if ours, oursErr := os.Readlink("/proc/self/ns/net"); err == nil && oursErr == nil && ours == theirs {
		wrong[FeatureNamespaces] = "the network is that of the host"
	}
	for name := range wrong {
		if p.setup.denies(name) {
			wrong[name] = "denied"
		}
	}
	return wrong
}

// verifyThreads looks at each thread: what is set for one is not for all.
func (p *process) verifyThreads(folder string, wrong map[string]string) error {
	threads, err := os.ReadDir(folder + "/task")
	if err == nil && len(threads) == 0 {
		err = fmt.Errorf("%s/task names no thread", folder)
	}
	if err != nil {
		return err
	}
	for _, thread := range threads {
		s, err := readStatus(filepath.Join(folder, "task", thread.Name(), "status"))
		if os.IsNotExist(err) {
			continue // the thread has ended
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(s.uid, "0\t") {
			wrong[FeatureUser] = "it runs as root"
		} else if s.caps != "" {
			wrong[FeatureUser] = "it has capabilities: " + s.caps
		}
		if !s.noNewPrivs {
			wrong[FeatureNoNewPrivs] = "it is not set for every thread"
		}
		if s.seccomp != strconv.Itoa(unix.SECCOMP_MODE_FILTER) {
			wrong[FeatureSeccomp] = "it is not set for every thread"
		}
	}
	return nil
}

// limitNames are the limits as /proc/PID/limits names them.
var limitNames = map[string]int{
	"Max data size": unix.RLIMIT_DATA, "Max cpu time": unix.RLIMIT_CPU, "Max open files": unix.RLIMIT_NOFILE,
	"Max file size": unix.RLIMIT_FSIZE, "Max core file size": unix.RLIMIT_CORE,
}

// verifyLimits compares the limits of the process with those it was given. Of its
// data it cannot have more than it was given and what it has.
func (p *process) verifyLimits(folder string) error {
	s, err := readStatus(folder + "/status")
	if err != nil {
		return err
	}
	file, err := os.Open(folder + "/limits")
	if err != nil {
		return err
	}
	defer file.Close()
	want, found := p.setup.limits(s.data), 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, values, _ := strings.Cut(lines.Text(), "  ")
		which, known := limitNames[name]
		if !known {
			continue
		}
		found++
		soft := strings.Fields(values)[0]
		if got, err := strconv.ParseUint(soft, 10, 64); err != nil || got > want[which].Cur {
			return fmt.Errorf("%s is %s, want at most %d", strings.ToLower(name), soft, want[which].Cur)
		}
	}
	if found != len(limitNames) {
		return fmt.Errorf("%s/limits has %d of the %d limits", folder, found, len(limitNames))
	}
	return nil
}
