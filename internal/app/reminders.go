package app

import (
	"log/slog"

	"poterne/internal/incident"
	"poterne/internal/order"
	"poterne/internal/store"
)

// reminders tell whoever keeps files of incidents what is due, by mail.
func (o *Opened) reminders(orders func() order.Set, files incident.Service, log *slog.Logger) *incident.Reminders {
	once := marks{store.NewSessions(o.DB)}
	return &incident.Reminders{
		Files: files, Roster: o.Roster, Orders: orders, Once: once.Once, Forget: once.Forget, Send: o.Mail.Send, Also: o.Alerts.Mail, Origin: o.Origin, Zone: paris(), Now: o.Now, Log: log,
	}
}
