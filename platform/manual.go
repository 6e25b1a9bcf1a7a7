package platform

// What no program can do, because it is to be done elsewhere or in a file that has no
// place for a setting of ours. Lines to be copied are indented.
const (
	manualAzure = `Azure Backup reads its files at the next backup; nothing has to be restarted.
See that everything is ready, by a rehearsal that changes nothing:
    @STARHOST@ hook azure check`

	manualQemuGA = `Restart the agent, which reads its configuration when it starts:
    systemctl restart qemu-guest-agent
Where its unit gives -F, as on RHEL, that counts instead. Write in /etc/sysconfig/qemu-ga:
    FSFREEZE_HOOK_PATHNAME=/usr/local/lib/starhost/starhost-qemu-ga
With SELinux the agent may start a hook only if the program has the label for that:
    semanage fcontext -a -t virt_qemu_ga_unconfined_exec_t @STARHOST@
    restorecon -F @STARHOST@
On the host, let the agent freeze: <quiesce> in libvirt, agent: 1 in Proxmox VE.`

	manualVMware = `Nothing has to be restarted. Ask for snapshots with "quiesce guest file systems".
Leave no other file in that folder, not even the copy of an editor: each is run.`

	manualGCP = `Restart the agent, which reads its configuration when it starts:
    systemctl restart google-guest-agent
Take snapshots with:
    gcloud compute disks snapshot DISK --zone=ZONE --guest-flush`

	manualAWS = `Register the document once for each account and region:
    aws ssm create-document --name starhost --document-type Command --document-format YAML --content file:///usr/local/lib/starhost/ssm-document.yaml --tags Key=DLMScriptsAccess,Value=true
In the snapshot policy choose pre and post scripts, a custom document, and this name.
If its timeout is not 10 seconds, change the default of within in the document first.
Turn off that a backup goes on after a failed script.
See that everything is ready:
    @STARHOST@ hook aws dry-run`

	manualVelero = `The container needs the program and /etc/starhost. Annotate the pod:
    pre.hook.backup.velero.io/command: '["@STARHOST@", "hook", "velero", "--within", "60s", "freeze"]'
    pre.hook.backup.velero.io/timeout: 60s
    pre.hook.backup.velero.io/on-error: Fail
    post.hook.backup.velero.io/command: '["@STARHOST@", "hook", "velero", "--within", "60s", "thaw"]'
    post.hook.backup.velero.io/timeout: 60s
    post.hook.backup.velero.io/on-error: Fail
Name the container by pre.hook.backup.velero.io/container, and post likewise, if it is
not the first one.`

	manualKanister = `The container needs the program and /etc/starhost. In the blueprint:
    phases:
    - func: KubeExec
      name: freeze
      args: {namespace: NAMESPACE, pod: POD, container: CONTAINER, command: ["@STARHOST@", "hook", "kanister", "freeze"]}
    # … the snapshot, and then the same with thaw, and again:
    deferPhase:
      func: KubeExec
      name: thaw
      args: {namespace: NAMESPACE, pod: POD, container: CONTAINER, command: ["@STARHOST@", "hook", "kanister", "thaw"]}`

	manualZrepl = `In the snapshotting section of the job in zrepl.yml, as the last hook:
    hooks:
    - type: command
      path: /usr/local/lib/starhost/starhost-zrepl
      timeout: 60s
      err_is_fatal: true
      filesystems: {"POOL/DATASET": true, "<": false}
Then:
    zrepl configcheck && systemctl restart zrepl`

	manualSanoid = `In the template or dataset in /etc/sanoid/sanoid.conf:
    pre_snapshot_script = @STARHOST@ hook sanoid --within 20s
    post_snapshot_script = @STARHOST@ hook sanoid --within 20s
    script_timeout = 0
    no_inconsistent_snapshot = yes
    force_post_snapshot_script = yes`

	manualBorgmatic = `In /etc/borgmatic/config.yaml, around what takes the snapshot that borg reads:
    commands:
    - before: action
      when: [create]
      run:
      - @STARHOST@ hook borgmatic freeze
      - TAKE-THE-SNAPSHOT
      - @STARHOST@ hook borgmatic thaw
    - after: action
      when: [create]
      states: [fail]
      run:
      - @STARHOST@ hook borgmatic abort`

	manualProxmox = `On the host, in /etc/vzdump.conf, for all backups:
    script: /usr/local/lib/starhost/starhost-proxmox
or for one:
    vzdump VMID --script /usr/local/lib/starhost/starhost-proxmox
For virtual machines install qemu-ga in the guest instead.`

	manualSnapper = `Nothing has to be restarted. See that it is called:
    snapper create --description test
    @STARHOST@ status`
)
