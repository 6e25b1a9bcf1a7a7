package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"
	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/run"
)

// app is what all verbs share.
type app struct {
	environment
	configPath, stateDir, runtimeDir string
	pluginConfig, logLevel           string
	json                             bool
	warnings                         zerolog.Level // of what is not right in the configuration
}

func newRoot(env environment) *cobra.Command {
	a := &app{environment: env, warnings: zerolog.WarnLevel}
	root := &cobra.Command{
		Use:   "starhost",
		Short: "Quiesce databases for a disk snapshot, and give everything back",
		Long: `starhost quiesces databases by small Starlark scripts, freezes their filesystems,
runs your snapshot, and gives everything back: newest first, inside a deadline,
whatever goes wrong. It says what the snapshot is worth: application, filesystem
or crash.`,
		Example: `  starhost demo                              see a whole run, nothing to install
  starhost check                             is everything ready?
  starhost plan orders                       what would be done?
  starhost run orders -- array-snapshot …    quiesce, snapshot, thaw`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	a.flags(root)
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.AddCommand(
		a.run(), a.pre(), a.post(), a.abort(), a.hook(), a.install(), a.recover(), a.check(), a.plan(), a.status(), a.scripts(), a.newScript(), a.doc(), a.fmt(), a.lint(), a.recoveryPoint(), a.events(), a.demo(), a.version(), a.test(), a.prove(),
	)
	return root
}

func (a *app) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&a.configPath, "config", a.env("STARHOST_CONFIG", "/etc/starhost/workload.conf"), "configuration `FILE`")
	f.StringVar(&a.stateDir, "state-dir", a.env("STARHOST_STATE_DIR", "/var/lib/starhost"), "`DIR` of journals, recovery points, events")
	f.StringVar(&a.runtimeDir, "runtime-dir", a.env("STARHOST_RUNTIME_DIR", "/run/starhost"), "`DIR` of locks; not on a filesystem that is frozen")
	f.StringVar(&a.pluginConfig, "plugin-config", a.env("STARHOST_PLUGIN_CONFIG", "/etc/starhost/VMSnapshotScriptPluginConfig.json"), "`FILE` of Azure's classic framework")
	f.StringVar(&a.logLevel, "log-level", a.env("STARHOST_LOG_LEVEL", "info"), "debug, info, warn or error")
	f.BoolVar(&a.json, "json", false, "print one JSON object on standard output")
}

func (a *app) env(name, otherwise string) string {
	if v := a.getenv(name); v != "" {
		return v
	}
	return otherwise
}

// classic is the configuration of Azure's pair of scripts, if the pair is meant: it is
// no part of a run unless it is named.
func (a *app) classic(workloads []string) string {
	if slices.Contains(workloads, config.Classic) {
		return a.pluginConfig
	}
	return ""
}

// classicIfThere is for verbs that end runs, whose member the pair may be.
func (a *app) classicIfThere() string {
	if _, err := os.Lstat(a.pluginConfig); err != nil {
		return ""
	}
	return a.pluginConfig
}

// endOptions is options for a verb that ends what is held. That needs no configuration,
// so one that cannot be read, or its password file, must not be in the way.
func (a *app) endOptions(workloads []string, classic string) (starhost.Options, func(), error) {
	o, closeLog, err := a.options(workloads, classic)
	if err == nil {
		return o, closeLog, nil
	}
	path, perr := filepath.Abs(a.configPath)
	if perr != nil {
		return o, nil, err
	}
	o, closeLog, perr = a.optionsOf(&config.File{Path: path}, workloads)
	if perr != nil {
		return o, nil, err
	}
	if holds, herr := starhost.Holds(o); herr != nil || len(holds) == 0 {
		closeLog()
		return o, nil, err
	}
	o.Log.Warn().Msg("what is held is given back although the configuration cannot be read: " + err.Error())
	return o, closeLog, nil
}

// options reads the configuration, with that of Azure's pair of scripts unless classic is
// "". closeLog must be called at the end.
func (a *app) options(workloads []string, classic string) (o starhost.Options, closeLog func(), err error) {
	file, err := config.LoadWith(a.configPath, classic)
	if err != nil {
		return o, nil, &starhost.ConfigError{Err: err}
	}
	return a.optionsOf(file, workloads)
}

func (a *app) optionsOf(file *config.File, workloads []string) (o starhost.Options, closeLog func(), err error) {
	o = starhost.Options{Config: file, Workloads: workloads, Wrap: a.wrap, Observe: a.observe}
	if o.StateDir, err = filepath.Abs(a.stateDir); err != nil {
		return o, nil, &starhost.ConfigError{Err: err}
	}
	if o.RuntimeDir, err = filepath.Abs(a.runtimeDir); err != nil {
		return o, nil, &starhost.ConfigError{Err: err}
	}
	o.Log, closeLog, err = a.logger(o.Redactor().Writer(a.stderr))
	if err != nil {
		return o, nil, err
	}
	for _, warning := range file.Warnings {
		o.Log.WithLevel(a.warnings).Msg(warning)
	}
	return o, closeLog, nil
}

// logBuffer is how many log lines wait for a slow standard error; more are lost.
const logBuffer = 1024

// logger returns a logger that never blocks: a standard error that nobody reads, or
// that is a file on a frozen filesystem, must not hold up a run.
func (a *app) logger(w io.Writer) (zerolog.Logger, func(), error) {
	level, err := zerolog.ParseLevel(a.logLevel)
	if err != nil || a.logLevel == "" {
		return zerolog.Nop(), nil, usage("--log-level: got %q, want debug, info, warn or error", a.logLevel)
	}
	d := diode.NewWriter(zerolog.ConsoleWriter{Out: w, TimeFormat: time.RFC3339, NoColor: true}, logBuffer, 0, nil)
	closeLog := func() {
		closed := make(chan struct{})
		go func() { defer close(closed); _ = d.Close() }() // it waits for the last lines
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-closed:
		case <-timer.C:
		}
	}
	return zerolog.New(d).Level(level).With().Timestamp().Logger(), closeLog, nil
}

// print writes v as JSON on standard output.
func (a *app) print(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say writes a text on standard output. Where nobody reads any more, as behind head,
// there is nothing to say about it.
func (a *app) say(text string) error {
	_, err := io.WriteString(a.stdout, text)
	if errors.Is(err, syscall.EPIPE) {
		return &exitError{code: run.ExitUsage}
	}
	return err
}
