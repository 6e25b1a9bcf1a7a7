package host

import "github.com/starhost/starhost/action"

func (h *Host) emit(e *action.Emit) action.Result {
	h.Emit("script."+e.Event, h.Workload, e.Data)
	return action.Result{State: action.Applied}
}
