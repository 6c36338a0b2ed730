package mailing_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/incident"
	"poterne/internal/incident/mailing"
)

// Mails in doubt are settled by the mail server's own log, and by reports that come back, without
// anybody. What neither tells of stays in doubt: a log that does not have a mail may be
// another day's.
//
// Promise: TELL-4
func TestTELL_4_MailsInDoubtAreSettledByTheServersLogAndByReports(t *testing.T) {
	dir := t.TempDir()
	h := open(t, filepath.Join(dir, "poterne.db"), 2*mailing.PerPart)
	h.file.Telling.Paused = true
	fates := bytes.Repeat([]byte{byte(mailing.Taken)}, mailing.PerPart)
	for i := range 12 {
		fates[i] = byte(mailing.Doubted)
	}
	fates[11] = byte(mailing.Intended) // the program was killed, and has not looked since
	fates[12], fates[13] = byte(mailing.Waiting), byte(mailing.Refused)
	sender := h.sender(t, newSink(t).server(), h.rows, dir)
	hold := mailing.Hold{Holder: "one node", Now: time.Now(), Until: time.Now().Add(time.Minute)}
	if err := h.rows.Save(t.Context(), theList, hold, map[int][]byte{0: fates}); err != nil {
		t.Fatal(err)
	}
	from := func(in int) string { return sender.ReturnForTest(theList, 0, in) }
	forged := strings.Replace(from(6), "@", "0@", 1)
	log := strings.Join([]string{
		"Nov 30 06:00:01 relay postfix/smtpd[71]: connect from node[10.0.0.2]",
		"Nov 30 06:00:01 relay postfix/cleanup[72]: 4C9F12: message-id=<aa@valbourg.example>",
		"Nov 30 06:00:01 relay postfix/qmgr[73]: 4C9F12: from=<" + from(0) + ">, size=3121, nrcpt=1 (queue active)",
		"2026-11-30T06:00:02.118+01:00 relay postfix-out/qmgr[73]: 4bZqMz1kYJz9sVK: from=<" + from(1) + ">, size=3121, nrcpt=1 (queue active)",
		"2026-11-30 06:00:03 1vPabc-00000001Qx2-3kLm <= " + from(2) + " H=(node) [10.0.0.2] P=esmtp S=3121 id=bb@valbourg.example",
		strings.Repeat("x", 200_000) + from(3), // a line longer than any
		"Nov 30 06:00:04 relay postfix/smtpd[71]: NOQUEUE: reject: RCPT from node[10.0.0.2]: 450 4.7.1 try later; from=<" + from(4) + "> to=<p4@maison.example> proto=ESMTP",
		"Nov 30 06:00:05 relay postfix/qmgr[73]: 4C9F13: from=<somebody@else.example>, size=3121, nrcpt=1 (queue active)",
		"Nov 30 06:00:06 relay postfix/qmgr[73]: 4C9F14: from=<" + forged + ">, size=3121, nrcpt=1 (queue active)",
		"Nov 30 06:00:07 relay postfix/qmgr[73]: 4C9F15: from=<" + from(12) + ">, size=3121, nrcpt=1 (queue active)", // who waits is not in doubt
		"Nov 30 06:00:08 relay postfix/qmgr[73]: 4C9F16: from=<" + from(11) + ">, size=3121, nrcpt=1 (queue active)",
	}, "\n")
	report := func(in int, action string) string {
		return "To: " + from(in) + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; maison.example\r\n\r\nFinal-Recipient: rfc822; somebody\r\nAction: " + action + "\r\n\r\n--b--\r\n"
	}
	folder := filepath.Join(dir, "bounces")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"mail.log": log, "copied.LOG": log, "7": report(7, "delayed"), "8": report(8, "delivered"), "9": report(9, "failed"), "10": report(10, "read"), "13": report(13, "delivered"),
	} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "mail.log" { // the other may still be copied
			if err := os.Chtimes(path, time.Now(), time.Now().Add(-time.Minute)); err != nil {
				t.Fatal(err)
			}
		} else if name == "copied.LOG" {
			if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	until(t, sender, func() bool {
		left, _ := filepath.Glob(filepath.Join(folder, "*"))
		return len(left) == 2 // the log that is copied, and the folder of what was read
	})
	_, now, err := h.rows.Part(t.Context(), theList, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]mailing.Fate{
		0: mailing.Taken, 1: mailing.Taken, 2: mailing.Taken, 3: mailing.Doubted, 4: mailing.Doubted, 5: mailing.Doubted, 6: mailing.Doubted, 7: mailing.Taken, 8: mailing.Taken,
		9: mailing.Bounced, 10: mailing.Doubted, 11: mailing.Taken, 12: mailing.Waiting, 13: mailing.Refused,
	}
	for in, fate := range want {
		if mailing.Fate(now[in]) != fate {
			t.Errorf("person %d: %d, want %d", in, now[in], fate)
		}
	}
	if !bytes.Equal(now[14:], fates[14:]) {
		t.Error("others changed: " + fmt.Sprint(now))
	}

	// Once the sending has ended, what became of each stays as it was sealed.
	h.mu.Lock()
	h.file.Telling.Ended = new(incident.Ending)
	h.mu.Unlock()
	late := "Nov 30 06:00:01 relay postfix/qmgr[73]: 4C9F12: from=<" + from(3) + ">, size=3121, nrcpt=1 (queue active)\n"
	if err := os.WriteFile(filepath.Join(folder, "late.log"), []byte(late), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(folder, "late.log"), time.Now(), time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"late": report(4, "delivered"), "later": report(0, "failed")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What cannot be put away keeps nothing else from being read.
	for _, taken := range []string{"0", "0.log"} {
		if err := os.MkdirAll(filepath.Join(folder, "seen", taken), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, taken), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(folder, "0.log"), time.Now(), time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	until(t, sender, func() bool {
		read, _ := filepath.Glob(filepath.Join(folder, "seen", "late*"))
		return len(read) == 3
	})
	_, now, err = h.rows.Part(t.Context(), theList, 0)
	if err != nil || mailing.Fate(now[3]) != mailing.Doubted || mailing.Fate(now[4]) != mailing.Doubted || mailing.Fate(now[0]) != mailing.Taken {
		t.Errorf("after the end: %d, %v", now[:5], err)
	}
}
