package host

import (
	"context"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

func (h *Host) sql(ctx context.Context, q *action.SQL) action.Result {
	s := h.session(q.Session)
	if s == nil {
		return action.Refuse(action.KindInternal, "session %q is not open", q.Session)
	}
	return h.statement(ctx, s, q)
}

func (h *Host) statement(ctx context.Context, s driver.Session, q *action.SQL) action.Result {
	params := make([]action.Value, len(q.Params))
	for i, p := range q.Params {
		var err error
		if params[i], err = h.reveal(p); err != nil {
			return action.Refuse(action.KindConfig, "%v", err)
		}
	}
	return s.Do(ctx, q.Query, params)
}
