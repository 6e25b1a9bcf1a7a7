package platform

import "io/fs"

// Put is one thing that install puts in place for a caller.
type Put struct {
	Kind PutKind
	Path string
	Mode fs.FileMode // of a file
	// Text is that of a file, or what a move leaves in its place. In it, and in Target,
	// @STARHOST@ stands for the path of the program.
	Text string
	// Target is that of a link, or where a move leads.
	Target string
	// Section, Key and Value are a setting in an INI file of somebody else. If Least is
	// set, another value will do if it is a number that is no smaller.
	Section, Key, Value string
	Least               int
	Why                 string
}

// PutKind is what a [Put] does.
type PutKind int

// The kinds.
const (
	PutFile    PutKind = iota // a file of ours
	PutLink                   // a symbolic link
	PutSetting                // a setting in a file of somebody else, which is made if need be
	PutMove                   // a file of the user goes elsewhere, and one of ours takes its place
)

// Mark is in the second line of each file that install makes: it is ours to replace.
const Mark = "# starhost hook: put here by starhost install"

// libexec is where links to the program are that callers run by their path.
const libexec = "/usr/local/lib/starhost/"

// Where Azure looks for its files, and where those of its users go.
const (
	AzureWorkload = "/etc/azure/workload.conf"
	AzureScripts  = "/etc/azure/VMSnapshotScriptPluginConfig.json"
	AzurePlugins  = "/etc/azure/VMSnapshotPluginHost.conf"
	AzurePre      = libexec + "azure-pre.sh"
	AzurePost     = libexec + "azure-post.sh"

	AzureMovedWorkload = "/etc/starhost/workload.conf"
	AzureMovedScripts  = "/etc/starhost/VMSnapshotScriptPluginConfig.json"
)

// AzureSeconds is how long Azure waits for a script at most.
const AzureSeconds = 1800

// shell is a hook for callers that want a script.
func shell(command string) string {
	return "#!/bin/sh\n" + Mark + "\nexec @STARHOST@ hook " + command + "\n"
}

// hookLink is a link named after a caller that gives its hook no argument of ours.
func hookLink(path, why string) Put {
	return Put{Kind: PutLink, Path: path, Target: "@STARHOST@", Why: why}
}

var (
	// Azure ignores the scripts of the classic framework while its workload.conf names a
	// database. It never reads what a script prints, and a pipe that is full would stop it.
	installAzure = []Put{
		{Path: AzurePre, Mode: 0o700, Text: shell("azure pre >/dev/null 2>&1"), Why: "Azure runs it by sh before it freezes filesystems"},
		{Path: AzurePost, Mode: 0o700, Text: shell("azure post >/dev/null 2>&1"), Why: "and this one after it has thawed them"},
		{
			Kind: PutMove, Path: AzureWorkload, Target: AzureMovedWorkload, Mode: 0o644, Text: azureNoWorkload,
			Why: "Azure would quiesce by itself, and not call us, while this file names a database",
		},
		{
			Kind: PutMove, Path: AzureScripts, Target: AzureMovedScripts, Mode: 0o600, Text: azureScripts,
			Why: "Azure runs what this file names; what it named is run by starhost",
		},
	}
	installQemuGA = []Put{
		hookLink(libexec+"starhost-qemu-ga", "the agent calls its hook with one word and no argument of ours"),
		{
			Kind: PutSetting, Path: "/etc/qemu/qemu-ga.conf", Section: "general", Key: "fsfreeze-hook", Value: libexec + "starhost-qemu-ga",
			Why: "the agent reads this file when it starts",
		},
	}
	installVMware = []Put{hookLink("/etc/vmware-tools/backupScripts.d/50-starhost-vmware", "every file of this folder is run, in the order of their names")}
	installGCP    = []Put{
		{Path: "/etc/google/snapshots/pre.sh", Mode: 0o700, Text: shell(`gcp pre "$@"`), Why: "run before a snapshot with --guest-flush"},
		{Path: "/etc/google/snapshots/post.sh", Mode: 0o700, Text: shell(`gcp post "$@"`), Why: "run after it"},
		{Kind: PutSetting, Path: "/etc/default/instance_configs.cfg", Section: "Snapshots", Key: "enabled", Value: "true", Why: "the agent calls nobody otherwise"},
		{
			Kind: PutSetting, Path: "/etc/default/instance_configs.cfg", Section: "Snapshots", Key: "timeout_in_seconds", Value: "60", Least: 60,
			Why: "our budget is shorter than that",
		},
	}
	installAWS     = []Put{{Path: libexec + "ssm-document.yaml", Mode: 0o644, Text: ssmDocument, Why: "the document of Systems Manager, to be registered by hand"}}
	installZrepl   = []Put{hookLink(libexec+"starhost-zrepl", "zrepl calls its hook without an argument")}
	installProxmox = []Put{hookLink(libexec+"starhost-proxmox", "vzdump takes one path, and no argument of ours")}
	installSnapper = []Put{hookLink("/usr/lib/snapper/plugins/50-starhost-snapper", "every program of this folder is called around each snapshot")}
)

const azureNoWorkload = `# Azure Backup
` + Mark + `
# This file named a workload, which Azure would have quiesced by itself. It is in
# /etc/starhost/workload.conf now: change it there. Azure calls starhost instead, by
# /etc/azure/VMSnapshotScriptPluginConfig.json, which it only reads while this file
# names no workload.
[workload]
`

// azureScripts is JSON, which has no comments. @CONTINUE@ and @FREEZE@ are as the user
// had them. Azure runs nothing again, whatever it is told about retries; starhost does.
const azureScripts = `{
    "pluginName": "ScriptRunner",
    "preScriptLocation": "` + AzurePre + `",
    "postScriptLocation": "` + AzurePost + `",
    "preScriptParams": [],
    "postScriptParams": [],
    "preScriptNoOfRetries": 0,
    "postScriptNoOfRetries": 0,
    "timeoutInSeconds": 1800,
    "continueBackupOnFailure": @CONTINUE@,
    "fsFreezeEnabled": @FREEZE@
}
`

// ssmDocument lets through nothing that a shell could take for more than one word:
// Systems Manager pastes parameters into the command.
const ssmDocument = `---
` + Mark + `
schemaVersion: "2.2"
description: "starhost: quiesce databases for Amazon Data Lifecycle Manager"
parameters:
  executionId:
    type: String
    default: "None"
    description: "(Required) the run of the policy; None by hand"
    allowedPattern: "^(None|[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12})$"
  command:
    type: String
    default: "dry-run"
    description: "(Required) what Data Lifecycle Manager wants"
    allowedValues:
      - pre-script
      - post-script
      - dry-run
  within:
    type: String
    default: "10"
    description: "(Optional) the seconds that the policy gives to a script"
    allowedPattern: "^[1-9][0-9]{0,2}$"
mainSteps:
  - action: aws:runShellScript
    name: starhost
    precondition:
      StringEquals:
        - platformType
        - Linux
    inputs:
      timeoutSeconds: "120"
      runCommand:
        - exec @STARHOST@ hook aws --within {{within}}s {{command}} {{executionId}}
`
