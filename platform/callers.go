package platform

import "time"

var (
	freezeThaw = []Word{{"freeze", Pre}, {"thaw", Post}, {"abort", Abort}}
	prePost    = []Word{{"pre", Pre}, {"post", Post}, {"abort", Abort}}
)

// callers is the table; nobody writes to it. The sources of each row are in
// docs/callers/NAME.md.
var callers = []Caller{
	{
		Name: "azure", Title: "Azure Backup of Linux machines",
		Words:   prePost,
		Granted: Times{Pre: 30 * time.Minute, Window: time.Minute, Post: 30 * time.Minute},
		Budget:  Times{Pre: 25 * time.Minute, Post: 25 * time.Minute},
		Freezes: FreezeCaller, PluginConfig: true,
		Install: installAzure, Manual: manualAzure,
		Cannot: []string{
			"Azure freezes filesystems itself, after pre, for at most a minute. When it then takes longer it thaws by itself and reports that; starhost cannot see it.",
			"With continueBackupOnFailure = true Azure makes a backup of the files alone when pre fails.",
		},
	},
	{
		Name: "qemu-ga", Title: "QEMU guest agent (libvirt, Proxmox VE, OpenStack, oVirt, KubeVirt, Nutanix AHV)",
		Words: freezeThaw, Budget: Times{Pre: 30 * time.Second, Post: 30 * time.Second},
		Freezes: FreezeCaller,
		Install: installQemuGA, Manual: manualQemuGA,
		Cannot: []string{
			"An agent that is killed while it has frozen filesystems leaves them frozen: they are its own, and the next agent waits for an order. The database is given back by starhost all the same, at its deadline.",
			"An agent that finds nothing to freeze never calls thaw. The database is given back at its deadline.",
			"Debian's agent calls no hook unless it is told to, and the wrapper script of the package hides a failed freeze from the agent: name our link as the hook itself.",
			"The agent does not say which filesystems it froze. If the list it was given leaves out that of a database, the verdict is wrong: freeze without a list, or name it.",
		},
	},
	{
		Name: "vmware", Title: "open-vm-tools (VMware, and the products that ask it to quiesce: Veeam, NetBackup, Commvault)",
		Words:   []Word{{"freeze", Pre}, {"thaw", Post}, {"freezeFail", Abort}, {"freezefail", Abort}},
		Data:    []Datum{{Name: "scriptArg", Arg: 1, Rest: true, Doc: "what the host or tools.conf give to scripts; take it for hostile"}},
		Granted: Times{Window: 15 * time.Minute},
		Budget:  Times{Pre: 2 * time.Minute, Window: 12 * time.Minute, Post: 2 * time.Minute},
		Freezes: FreezeCaller,
		Install: installVMware, Manual: manualVMware,
		Cannot: []string{
			"vmtoolsd runs its scripts by a shell and does not quote scriptArg: what the host puts there runs as root before starhost sees it.",
			"A freeze that fails is not followed by freezeFail for the same hook: starhost has given everything back by then.",
			"vmtoolsd that is stopped in the window calls nobody and leaves filesystems frozen. The database is given back at its deadline.",
			"A thaw that fails makes the job fail, although the snapshot exists: delete it.",
		},
	},
	{
		Name: "gcp", Title: "Google Compute Engine guest agent (snapshots with --guest-flush)",
		Words: prePost, Window: "disks", Data: []Datum{{Name: "disks", Arg: 1, Doc: "the disks, between commas; may be empty"}},
		Granted: Times{Pre: time.Minute, Post: time.Minute}, Budget: Times{Pre: 45 * time.Second, Post: 45 * time.Second},
		Install: installGCP, Manual: manualGCP,
		Cannot: []string{
			"The agent reports success for a script that is not executable or whose first line names no program. Look at starhost status after the first snapshot.",
			"Without --guest-flush nobody calls anything.",
			"The agent may be restarted between the two calls; then post never comes. Everything is given back at its deadline.",
			"Set freeze_timeout to what a snapshot takes here, at least 30: the service decides when post comes.",
		},
	},
	{
		Name: "aws", Title: "Amazon Data Lifecycle Manager through Systems Manager",
		Words:  []Word{{"pre-script", Pre}, {"post-script", Post}, {"dry-run", Check}},
		Data:   []Datum{{Name: "executionId", Arg: 1, Doc: "of the policy run; None by hand"}},
		Window: "executionId", Replaces: true,
		Granted: Times{Pre: 10 * time.Second, Post: 10 * time.Second}, Budget: Times{Pre: 7 * time.Second, Post: 7 * time.Second},
		Statuses: map[Outcome]int{
			PreFailed: 201, StillHeld: 202, PostFailed: 202, Untrusted: 202, Expired: 203, Open: 204, Nothing: 205,
			NotReady: 206, Busy: 206, Misused: 206, Internal: 202,
		},
		Install: installAWS, Manual: manualAWS,
		Cannot: []string{
			"After a failed pre Data Lifecycle Manager makes no second call. Unless the policy says otherwise it then takes a snapshot that is worth crash, and marks it so.",
			"Its statuses have no word for a snapshot whose quiesce did not last, nor for something that is still held: that is 202, and the log says more.",
			"Set freeze_timeout to what a snapshot takes here, at least 30: Systems Manager decides when post comes.",
		},
	},
	{
		Name: "velero", Title: "Velero backup hooks",
		Words: freezeThaw, Granted: Times{Pre: 30 * time.Second, Post: 30 * time.Second}, Budget: Times{Pre: 22 * time.Second, Post: 22 * time.Second},
		Manual: manualVelero,
		Cannot: []string{
			"Without the annotation on-error: Fail, in exactly these letters, Velero goes on after a failed pre.",
			"A pod whose pre failed is left out, but its volume may be snapshotted all the same: look at the hooks of the backup, not at the snapshots.",
			"Its timeout ends the waiting, not the command. starhost ends by itself before that: give --within the timeout of the annotation.",
			"A backup of files (kopia, restic) reads for hours: no lock should last as long. Use hooks with volume snapshots.",
			"When Velero is restarted, or waiting for volumes fails, post never comes. Everything is given back at its deadline.",
		},
	},
	{
		Name: "kanister", Title: "Kanister blueprints",
		Words: freezeThaw, Budget: Times{Pre: time.Minute, Post: time.Minute},
		Manual: manualKanister,
		Cannot: []string{
			"Kanister knows no time limits: the hold ends at its own deadline, whether the snapshot is ready or not.",
			"After a crash of the controller nothing of the blueprint is called any more, its deferPhase included. Everything is given back at its deadline.",
		},
	},
	{
		Name: "zrepl", Title: "zrepl snapshot hooks",
		Words: []Word{{"pre_snapshot", Pre}, {"post_snapshot", Post}}, Env: "ZREPL_HOOKTYPE", DryRun: "ZREPL_DRYRUN",
		Data: []Datum{
			{Name: "fs", Env: "ZREPL_FS", Doc: "the dataset"},
			{Name: "snapname", Env: "ZREPL_SNAPNAME", Doc: "the name of the snapshot"},
		},
		Window:  "fs",
		Granted: Times{Pre: 30 * time.Second, Post: 30 * time.Second}, TimeoutEnv: "ZREPL_TIMEOUT",
		Budget: Times{Pre: 22 * time.Second, Post: 22 * time.Second}, Freezes: FreezeTool,
		Install: installZrepl, Manual: manualZrepl,
		Cannot: []string{
			"Without err_is_fatal: true zrepl takes its snapshot after a failed pre.",
			"zrepl calls its hooks for each dataset by itself: several datasets are several snapshots, of different times.",
			"When another hook after this one fails with err_is_fatal, post never comes. Put this one last.",
		},
	},
	{
		Name: "sanoid", Title: "sanoid",
		Words: []Word{{"pre", Pre}, {"post", Post}, {"prune", Ignore}}, Env: "SANOID_SCRIPT", Failed: "SANOID_PRE_FAILURE",
		Data: []Datum{
			{Name: "targets", Env: "SANOID_TARGETS", Doc: "the datasets, between commas"},
			{Name: "snapnames", Env: "SANOID_SNAPNAMES", Doc: "the names of the snapshots, between commas"},
			{Name: "types", Env: "SANOID_TYPES", Doc: "hourly, daily and so on, between commas"},
		},
		Granted: Times{Pre: 5 * time.Second, Post: 5 * time.Second}, Budget: Times{Pre: 3 * time.Second, Post: 3 * time.Second},
		Freezes: FreezeTool,
		Manual:  manualSanoid,
		Cannot: []string{
			"When script_timeout is over sanoid itself is killed, and post never comes. Set script_timeout = 0 and give starhost hook sanoid --within 20s instead.",
			"Without no_inconsistent_snapshot = yes sanoid takes its snapshot after a failed pre.",
		},
	},
	{
		Name: "borgmatic", Title: "borgmatic",
		Words: freezeThaw, Budget: Times{Pre: time.Minute, Post: time.Minute},
		Manual: manualBorgmatic,
		Cannot: []string{
			"When borgmatic is killed, or interrupted before its action began, thaw never comes. Everything is given back at its deadline.",
			"A backup reads files for hours: no lock should last as long. Take a snapshot between freeze and thaw, and let borg read that.",
		},
	},
	{
		Name: "proxmox", Title: "Proxmox VE: vzdump hook scripts on the host, for containers",
		Words: []Word{{"pre-stop", Pre}, {"pre-restart", Post}, {"backup-end", Post}, {"backup-abort", Abort}}, Other: Ignore,
		Data: []Datum{
			{Name: "mode", Arg: 1, Doc: "snapshot, suspend or stop"},
			{Name: "vmid", Arg: 2, Doc: "the number of the container"},
		},
		Window: "vmid", Replaces: true,
		Budget:  Times{Pre: time.Minute, Post: time.Minute},
		Install: installProxmox, Manual: manualProxmox,
		Cannot: []string{
			"For a virtual machine these phases do not bracket the freeze: use the guest agent in the guest (qemu-ga).",
			"They bracket the snapshot of a container in the mode snapshot, and the last copy in the mode suspend. In the mode stop the server ends while it is held, so the hook fails: a server that is stopped needs no hook.",
			"vzdump calls its hook for every guest of a job, and each time all workloads are quiesced: give the guest with the database a job of its own.",
			"A task that is killed calls nobody. Everything is given back at its deadline.",
		},
	},
	{
		Name: "snapper", Title: "snapper plugins",
		Words: []Word{{"create-snapshot-pre", Pre}, {"create-snapshot-post", Post}}, Other: Ignore,
		Data: []Datum{
			{Name: "subvolume", Arg: 1, Doc: "the subvolume"},
			{Name: "fstype", Arg: 2, Doc: "its filesystem: btrfs or lvm(…)"},
			{Name: "num", Arg: 3, Doc: "the number of the snapshot"},
		},
		Budget: Times{Pre: time.Minute, Post: time.Minute}, Freezes: FreezeTool,
		Install: installSnapper, Manual: manualSnapper,
		Cannot: []string{
			"snapper before 0.10.5, which Debian 12 has, calls its plugins after a snapshot only: nothing is held for it.",
			"snapper takes its snapshot after a failed pre too, and says nothing: look at starhost status.",
			"When the snapshot itself fails, create-snapshot-post never comes. Everything is given back at its deadline.",
			"It calls plugins for every subvolume. Snapshots of others than those with a database quiesce for nothing.",
		},
	},
}
