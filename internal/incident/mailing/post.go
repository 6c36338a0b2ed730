package mailing

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"poterne/internal/i18n"
	"poterne/internal/notice"
	"poterne/internal/notice/pdf"
)

// Post writes letters that are no part of an incident into the folder for the printer, each as a batch of
// one. It is safe to share.
type Post struct {
	Settings
	From notice.Controller
}

// Write leaves a letter for the printer, durably, under a name that tells nothing of its reader. One of the
// same name is written anew.
func (p Post) Write(_ context.Context, name string, address []string, parts []pdf.LetterPart) error {
	if err := os.MkdirAll(p.Letters, 0o700); err != nil {
		return err
	}
	letters := pdf.NewLetters(name, string(i18n.French), p.Now())
	pages, err := letters.Add(pdf.Letter{Sender: heads(p.From), Address: address, Parts: parts})
	if err != nil {
		return err
	}
	manifest, addresses := sheets()
	row, check := addressed(letters, 1, address)
	manifest, addresses = append(manifest, []string{row[0], strconv.Itoa(pages), name, name, check}), append(addresses, row)
	whole := filepath.Join(p.Letters, name+".zip")
	if err := write(whole+unfinished, letters, manifest, addresses); err != nil {
		return err
	}
	return os.Rename(whole+unfinished, whole)
}
