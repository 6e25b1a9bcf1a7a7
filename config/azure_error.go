package config

import (
	"errors"
	"fmt"
)

// AzureError is an error of the script frameworks of Azure Backup: what their
// documentation calls it, or their program where the documentation is silent, with the
// number that they report. It is comparable; the values are the variables below.
type AzureError struct {
	Number int
	Name   string
}

// Error returns "Pre-ScriptNotFound (302)".
func (e AzureError) Error() string { return fmt.Sprintf("%s (%d)", e.Name, e.Number) }

// Errors of the framework of VMSnapshotScriptPluginConfig.json. They are never written to.
var (
	PreScriptExecutionFailed         = AzureError{300, "Pre-ScriptExecutionFailed"}
	PostScriptExecutionFailed        = AzureError{301, "Post-ScriptExecutionFailed"}
	PreScriptNotFound                = AzureError{302, "Pre-ScriptNotFound"}
	PostScriptNotFound               = AzureError{303, "Post-ScriptNotFound"}
	IncorrectPluginhostFile          = AzureError{304, "IncorrectPluginhostFile"}
	IncorrectJSONConfigFile          = AzureError{305, "IncorrectJSONConfigFile"}
	InsufficientPermissionPreScript  = AzureError{306, "InsufficientPermissionforPre-Script"}
	InsufficientPermissionPostScript = AzureError{307, "InsufficientPermissionforPost-Script"}
	PreScriptTimeout                 = AzureError{308, "Pre-ScriptTimeout"}
	PostScriptTimeout                = AzureError{309, "Post-ScriptTimeout"}
	PluginhostPreTimeout             = AzureError{310, "FailedPrepostPluginhostPreTimeout"}
	PluginhostPostTimeout            = AzureError{311, "FailedPrepostPluginhostPostTimeout"}
	PluginhostConfigNotFound         = AzureError{313, "FailedPrepostPluginhostConfigNotFound"}
	PluginhostConfigPermission       = AzureError{314, "FailedPrepostPluginhostConfigPermissionError"}
	PluginConfigNotFound             = AzureError{316, "FailedPrepostPluginConfigNotFound"}
	PluginConfigPermission           = AzureError{317, "FailedPrepostPluginConfigPermissionError"}
)

// Errors of the framework of workload.conf. They are never written to.
var (
	WorkloadPreError              = AzureError{500, "FailedWorkloadPreError"}
	WorkloadConfParsing           = AzureError{501, "FailedWorkloadConfParsingError"}
	WorkloadInvalidRole           = AzureError{502, "FailedWorkloadInvalidRole"}
	WorkloadInvalidName           = AzureError{503, "FailedWorkloadInvalidWorkloadName"}
	WorkloadPostError             = AzureError{504, "FailedWorkloadPostError"}
	WorkloadAuthorizationMissing  = AzureError{505, "FailedWorkloadAuthorizationMissing"}
	WorkloadConnection            = AzureError{506, "FailedWorkloadConnectionError"}
	WorkloadIPCDirectoryMissing   = AzureError{507, "FailedWorkloadIPCDirectoryMissing"}
	WorkloadDatabaseStatusChanged = AzureError{508, "FailedWorkloadDatabaseStatusChanged"}
	WorkloadQuiescing             = AzureError{509, "FailedWorkloadQuiescingError"}
	WorkloadQuiescingTimeout      = AzureError{510, "FailedWorkloadQuiescingTimeout"}
	WorkloadNoArchiveLog          = AzureError{511, "FailedWorkloadDatabaseInNoArchiveLog"}
	WorkloadLogModeChanged        = AzureError{512, "FailedWorkloadLogModeChanged"}
)

// as makes err, an error of a file, one of Azure's too.
func (e AzureError) as(err error) *Error {
	inner, ok := errors.AsType[*Error](err)
	if !ok {
		return &Error{Msg: err.Error(), err: e}
	}
	with := *inner
	with.err = errors.Join(e, inner.err) // which leaves out a nil
	return &with
}
