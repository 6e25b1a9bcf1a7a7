package starhost_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fault is one fault of the frameworks of Azure Backup for Linux, with the reason why
// it is not there with starhost, or cannot be, and the tests that show it.
type fault struct {
	what, instead string
	tests         []string // names of tests, with their packages
}

// azureFaults were found by reading and running the code of the extension; docs/azure-faults.md
// is made from them.
var azureFaults = []fault{
	{
		"Retries never start the script again: the loop counts, and that is all.",
		"A failed attempt is undone, then the prescript runs again, as often as was asked for. It does not while the undo has not worked.",
		[]string{"run.TestRetries", "run.TestNoRetryWhileHeld", "cmd/starhost.TestClassicPair"},
	},
	{
		"A timeout ends nothing. The late pre-script quiesces the application after the post-script has run.",
		"A timeout kills the whole tree of processes, and undoes what it may have done.",
		[]string{"internal/proctree.TestTreeIsGoneWhenTheContextEnds", "cmd/starhost.TestTimeoutAtEveryAction", "cmd/starhost.TestClassicPair"},
	},
	{
		"The agent is killed: no journal, no second attempt, the post-script never runs.",
		"Every change is in a journal before it is made. The watchdog undoes it at once, the next run or `starhost recover` later.",
		[]string{"cmd/starhost.TestKillMatrix", "cmd/starhost.TestSupervisorDies", "cmd/starhost.TestRecoverAfterKill"},
	},
	{
		"The program that freezes is killed: the filesystem stays frozen for ever.",
		"Whoever leads the run thaws when the watchdog dies, also what it was freezing at that moment.",
		[]string{"cmd/starhost.TestKillMatrix", "cmd/starhost.TestKilledInAFreeze"},
	},
	{
		"What somebody else has frozen is thawed.",
		"A filesystem that is frozen already is refused, and left as it is.",
		[]string{"cmd/starhost.TestForeignFreezeIsRefused", "cmd/starhost.TestHomeFrozenBySomebodyElse"},
	},
	{
		"The lock outlives the backup, by up to the whole timeout: the client that holds it is nobody's child any more.",
		"The host holds the session itself. `post` returns when the lock is given back.",
		[]string{"cmd/starhost.TestPreSnapshotPost"},
	},
	{
		"A wrong type in the configuration makes the agent end between the two scripts.",
		"The configuration is checked whole before anything is done; a panic of the host unwinds like an error.",
		[]string{"config.TestClassic", "run.TestBeforeTheSnapshot"},
	},
	{
		"The second script is not waited for, and its files are removed while it starts.",
		"Every undo is waited for, tried again until the deadline, and reported.",
		[]string{"cmd/starhost.TestPrePostStatuses", "undo.TestUnwindRetriesWhatFailed"},
	},
	{
		"A mistake in the set-up is found after the server was made read-only, and waited for: two minutes without writes.",
		"Whatever fails at whatever action, everything before it is undone at once.",
		[]string{"cmd/starhost.TestFaultAtEveryAction", "cmd/starhost.TestConfigIsCheckedBeforeServersAreReached"},
	},
	{
		"The state before is not restored: a replica becomes writable, replication is started that was stopped.",
		"An undo sets back the value that was there, and only if nobody else has changed it. Replication and read_only are not touched.",
		[]string{"cmd/starhost.TestGlobalIsSetBackUnlessSomebodyElseChangedIt", "cmd/starhost.TestAzureSlaveOnly"},
	},
	{
		"A freeze that was given up still comes later, for nothing or for ever.",
		"A freeze in flight is waited for in the watchdog, and thawed as soon as it returns.",
		[]string{"freeze.TestFreezeInFlight", "cmd/starhost.TestKilledInAFreeze"},
	},
	{
		"The lock between two agents is taken by both.",
		"One run has a workload and a filesystem at a time. Its locks end with its last process.",
		[]string{"internal/lock.TestOneOwnerAtATime", "cmd/starhost.TestOneRunHasAFilesystem", "cmd/starhost.TestHookOfAnother"},
	},
	{
		"An exception between freeze and thaw is swallowed; the post-script runs on a frozen filesystem.",
		"However the snapshot ends, filesystems are thawed first.",
		[]string{"run.TestBeforeTheSnapshot", "run.TestSnapshotFails", "cmd/starhost.TestSnapshotCommandGoesWrong"},
	},
	{
		"The service is asked over the network while everything is frozen.",
		"It cannot occur: between freeze and thaw there is the snapshot and nothing else, and `phases` of the report shows each part.",
		[]string{"run.TestOrder"},
	},
	{
		"A mistake in the configuration is a green backup without scripts.",
		"It is an error that names file, line and key, and the call fails. `install` refuses what no call could work with.",
		[]string{"cmd/starhost.TestBadConfig", "config.TestClassic", "platform/install.TestAzureMovesWhatTheUserHas"},
	},
	{
		"Values of the configuration are parts of a command line of a root shell, from a file that anybody may own.",
		"There is no shell. Owner and mode of the file and of every folder above it are checked.",
		[]string{"internal/proctree.TestEnvironmentAndArgumentsAreExact", "config.TestReadFile", "config.TestAzureKeysBad"},
	},
	{
		"The password is in the output of ps, in the log, and in the log that is uploaded.",
		"That of a database is nowhere: not in arguments, logs, journals, reports or errors. Parameters of a pair of scripts are no place for one: they are shown to root.",
		[]string{"cmd/starhost.TestPasswordIsSeenNowhere", "cmd/starhost.TestAzurePasswordIsSeenNowhere"},
	},
	{
		"Without command_path the arguments of the timeout daemon move by one, and it dies.",
		"It cannot occur: the deadline is a timer in the process that holds, and another one in its watchdog. command_path may be left out.",
		[]string{"cmd/starhost.TestPostAfterTheDeadline", "config.TestCommandPath", "cmd/starhost.TestAzureKeysOnMySQL"},
	},
	{
		"\"Application-consistent\" is said of what was never quiesced.",
		"The verdict is proven at the end, or not given.",
		[]string{"cmd/starhost.TestLockLostDuringSnapshot", "run.TestVerdictOf", "scripts.TestMutants"},
	},
	{
		"A null parameter kills the thread of the script, and the agent waits its whole timeout.",
		"It is an error of the configuration. A script whose process dies ends the run at once.",
		[]string{"config.TestClassic", "cmd/starhost.TestBombsWhileLocked"},
	},
	{
		"The end of a freeze is told by a signal to whatever process is the parent now, and any signal shortens the freeze.",
		"Processes of a run talk by sockets that end with them. A signal to the leader ends the run in good order; those that the watchdog gets change nothing.",
		[]string{"cmd/starhost.TestSignal", "cmd/starhost.TestStraySignalsToTheWatchdog", "watchdog.TestWire"},
	},
	{
		"The program that freezes is there, but cannot be started: a minute with the application quiesced.",
		"It cannot occur: the kernel is called by the program itself, in a process that was started, and ready, before anything was held. Without it a run does nothing.",
		[]string{"cmd/starhost.TestNothingIsHeldWithoutAWatchdog", "freeze.TestErrorsOfFreeze"},
	},
	{
		"A client that hangs is waited for without end; instances are quiesced one after the other.",
		"Every program and statement ends with its phase. Members of a run are quiesced together.",
		[]string{"cmd/starhost.TestUnrulyProgram", "run.TestMembersAreTogether", "cmd/starhost.TestSqlplusRefused", "cmd/starhost.TestInstancesInParallel"},
	},
	{
		"A third way of making backups runs no script, and says that the application is consistent.",
		"It cannot occur: there is one way. Whatever calls `starhost hook` leads the same run.",
		[]string{"cmd/starhost.TestHookOrders"},
	},
	{
		"No check, no rehearsal, no log of a script, and the exit status is always 0.",
		"`check`, `plan`, `status`, `events`, a report of each run and exit statuses that mean something.",
		[]string{"cmd/starhost.TestDocuments", "cmd/starhost.TestFollowEvents", "cmd/starhost.TestOutputOfProgram", "run.TestExitOrder"},
	},
	{
		"It needs a Python of a certain age on the machine.",
		"It cannot occur: one static program, without libraries and without a loader.",
		[]string{"cmd/starhost.TestProgramIsStatic"},
	},
	{
		"The published sample scripts are wrong.",
		"Each bundled script is failed at every action in every way. Each undo, guard, refusal and check is left out of it once, and a test finds that out.",
		[]string{"scripts.TestProven", "scripts.TestMutants"},
	},
	{
		"Filesystems are frozen that the agent itself needs, and its timeout cannot fire.",
		"Nothing is written to a disk while one is frozen. A kernel call that never returns cannot be ended by anybody; the databases are given back all the same.",
		[]string{"cmd/starhost.TestFrozenHome", "cmd/starhost.TestRuntimeDirectoryOnFrozenFilesystem", "internal/proctree.TestRunDoesNotWaitForASleeperOnAFrozenFilesystem"},
	},
	{
		"A lock that was given up is granted later, by which time nobody is left to undo it.",
		"A statement whose time is over is ended at the server, from a session that was opened before.",
		[]string{"cmd/starhost.TestLockStuckBehindLongUpdate", "host/driver/mysql.TestQueuedGlobalLock"},
	},
	{
		"Oracle: the script that ends backup mode has one name for two errors, that the database keeps no archived logs and that no file is in backup mode.",
		"The undo asks first whether our backup mode is there. ORA-01142 counts as done where nothing was asked, and no other error does.",
		[]string{"stmt.TestAlreadyUndone", "cmd/starhost.TestOracleAlreadyEnded", "cmd/starhost.TestOracleRecover"},
	},
	{
		"Oracle: a path in the oratab is cut at the first -, and a line that cannot be read is left out.",
		"The oratab is read to the letter. A line that cannot be read is an error with its number, and so is an instance that was named and is not there.",
		[]string{"config.TestOratab", "config.TestInstancesBad", "cmd/starhost.TestInstancesInParallel"},
	},
	{
		"Oracle: sqlplus is looked at five times, two seconds apart. Then its output is read, which waits until it ends.",
		"The end of a program is noticed when it ends. When the time of its phase is over it is killed, and what it may have done is undone.",
		[]string{"internal/proctree.TestTreeIsGoneWhenTheContextEnds", "cmd/starhost.TestSqlplusRefused"},
	},
	{
		"Oracle: what was found out about one instance is taken for what the next one is.",
		"Each instance is a member of its own, with a script in a process of its own.",
		[]string{"cmd/starhost.TestOneInstanceFails", "config.TestInstances"},
	},
}

func TestAzureFaultsAreCurrent(t *testing.T) {
	if len(azureFaults) != 33 {
		t.Errorf("%d faults", len(azureFaults))
	}
	tests := testsOf(t)
	for i, f := range azureFaults {
		for _, name := range f.tests {
			if !tests[name] {
				t.Errorf("fault %d: there is no test %s", i+1, name)
			}
		}
	}
	want := azureFaultsText()
	if *update {
		if err := os.WriteFile("docs/azure-faults.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, "docs/azure-faults.md"); got != want {
		t.Error("docs/azure-faults.md is not current: go test . -run AzureFaults -update")
	}
}

var testForm = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// testsOf are the tests of the repository, as PACKAGE.NAME.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range testForm.FindAllStringSubmatch(read(t, path), -1) {
			found[filepath.ToSlash(filepath.Dir(path))+"."+m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func azureFaultsText() string {
	var b strings.Builder
	b.WriteString(`# Faults of the frameworks of Azure Backup, and what became of them

<!-- Made from azureFaults in azure_faults_docs_test.go by: go test . -run AzureFaults -update -->

Found by reading the code of the Linux extension of 2026 and by running it with MariaDB
and PostgreSQL. Each row names tests of this repository that show that the fault is not
there.

| | there | here | tests |
|---|---|---|---|
`)
	for i, f := range azureFaults {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", i+1, f.what, f.instead, "`"+strings.Join(f.tests, "`, `")+"`")
	}
	return b.String()
}
