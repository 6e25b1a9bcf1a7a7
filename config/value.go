package config

import "slices"

// Value is what the config says under a key that names a user, a folder or an instance:
// linux_user, command_path, or else a setting. It is empty if it says nothing.
func (w Workload) Value(key string) string {
	switch key {
	case "linux_user":
		return w.LinuxUser
	case "command_path":
		return w.CommandPath
	}
	i := slices.IndexFunc(w.Settings, func(s Setting) bool { return s.Key == key })
	if i < 0 {
		return ""
	}
	if text := w.Settings[i].Value.Text(); text != "" {
		return text
	}
	return w.Settings[i].Text
}
