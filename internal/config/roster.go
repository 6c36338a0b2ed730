package config

import (
	"regexp"
	"slices"
	"time"

	"poterne/internal/accounts"
	"poterne/internal/breakglass"
	"poterne/internal/ledger"
	"poterne/internal/roster"
)

// rosterFile is a roster as people write it. What is named again in a later file
// is replaced; what is not named stays.
type rosterFile struct {
	Organisation []organisationTable `toml:"organisation"`
	Account      []accountTable      `toml:"account"`
}

type organisationTable struct {
	ID    string `toml:"id" need:"id = \"ml-valbourg\""`
	SIRET string `toml:"siret" need:"siret = \"…\", its 14 digits"`
	Name  string `toml:"name" need:"name = \"…\", as people know it"`
	Mail  string `toml:"mail"` // where its head is told of what its managers do

	Quota int64     `toml:"quota"` // of accounts; none: as the configuration says
	Until time.Time `toml:"until"` // from when it and its accounts are closed
}

type accountTable struct {
	ID           string              `toml:"id" need:"id = \"…\", a name of its own that never changes"`
	Organisation string              `toml:"organisation" need:"organisation = \"…\", the id of one"`
	Role         string              `toml:"role" need:"role = \"…\", the id of a [[role]], or manager, security, privacy or programme"`
	Name         string              `toml:"name" need:"name = \"…\", as colleagues know them"`
	Issuer       string              `toml:"issuer" need:"issuer = \"https://…\", the identity provider that vouches for them"`
	Provider     string              `toml:"provider"`    // idp_id behind a federation
	Proposer     string              `toml:"proposed_by"` // the account that proposed it; none when it comes from outside
	Subject      string              `toml:"subject" need:"subject = \"…\", who they are to the identity provider (sub); of a programme, its public key as JWK"`
	Mail         string              `toml:"mail"`  // where the person is told; one person has one account
	Until        time.Time           `toml:"until"` // from when it gives no right; of one that is there already, what it has stays
	Habilitation []habilitationTable `toml:"habilitation"`
}

type habilitationTable struct {
	Service string    `toml:"service" need:"service = \"…\", the id of one"`
	Purpose string    `toml:"purpose" need:"purpose = \"…\", the name of one"`
	From    time.Time `toml:"from"`
	Until   time.Time `toml:"until" need:"until = 2027-11-30, the first day without it"`
}

// ReadRoster reads a roster for the services and purposes of a configuration, beside
// the organisations and accounts that are known already.
func ReadRoster(file string, s Settings, organisations []roster.Organisation, people []roster.Account, now time.Time) (accounts.List, error) {
	var f rosterFile
	wrong, err := readTOML(file, &f)
	if err != nil {
		return accounts.List{}, err
	}
	list := f.compile(wrong, s, organisations, people, now)
	return list, wrong.Err()
}

var siret = regexp.MustCompile(`^[0-9]{14}$`)

// compile turns the file into a roster, and complains about what it cannot mean.
func (f *rosterFile) compile(wrong *document, s Settings, knownOrganisations []roster.Organisation, knownAccounts []roster.Account, now time.Time) accounts.List {
	var list accounts.List
	organisations, named := map[string]bool{}, map[string]bool{}
	organisationIDs, accountIDs := spellings{}, spellings{}
	bodies := map[string]string{} // their ids, by what their names read like
	for _, o := range knownOrganisations {
		if !slices.ContainsFunc(f.Organisation, func(t organisationTable) bool { return t.ID == string(o.ID) }) && o.Closed.IsZero() {
			bodies[roster.Alike(o.Name)] = string(o.ID)
		}
		organisations[string(o.ID)] = true
		organisationIDs.add(string(o.ID))
	}
	for _, a := range knownAccounts {
		accountIDs.add(string(a.ID))
	}
	for i, o := range f.Organisation {
		path := index("organisation", i)
		if o.SIRET != "" && !siret.MatchString(o.SIRET) {
			wrong.Add(path+".siret", "not 14 digits")
		}
		organisationIDs.check(wrong, path+".id", o.ID)
		checkName(wrong, path, o.Name)
		if other, taken := bodies[roster.Alike(o.Name)]; taken && other != o.ID && o.Name != "" {
			wrong.Add(path+".name", "reads like that of %q; write what tells the two apart, such as the town", other)
		}
		bodies[roster.Alike(o.Name)] = o.ID
		organisations[o.ID] = true
		if o.Quota < 0 || o.Quota > accounts.MostQuota {
			wrong.Add(path+".quota", "between 1 and %d accounts, or none of its own", accounts.MostQuota)
		}
		list.Organisations = append(list.Organisations, roster.Organisation{
			ID: roster.OrganisationID(o.ID), SIRET: o.SIRET, Name: o.Name, Mail: mailOf(wrong, path, o.Mail), Quota: int(o.Quota), Until: o.Until,
		})
	}
	for i, a := range f.Account {
		path := index("account", i)
		role, err := roster.ParseRole(a.Role, s.Rules.Roles())
		if err != nil && a.Role != "" {
			wrong.Add(path+".role", "%v", err)
		}
		if a.Organisation != "" && !organisations[a.Organisation] {
			wrong.Add(path+".organisation", "no such organisation is known; add an [[organisation]] with this id")
		}
		if named[a.ID] && a.ID != "" {
			wrong.Add(path+".id", "this account comes twice")
		}
		accountIDs.check(wrong, path+".id", a.ID)
		checkName(wrong, path, a.Name)
		if roster.Alike(a.ID) == roster.Alike(string(breakglass.ID)) {
			wrong.Add(path+".id", "the break-glass access goes by this name in the ledger; write another")
		}
		named[a.ID] = true
		identity := roster.Identity{Issuer: a.Issuer, Provider: a.Provider, Subject: a.Subject}
		if role == roster.Programme {
			if a.Issuer != "" && (a.Issuer != roster.KeyIssuer || a.Provider != "") {
				wrong.Add(path+".issuer", "no provider vouches for a programme; write issuer = \"key\"")
			}
			if identity, err = roster.KeyIdentity(a.Subject); err != nil && a.Subject != "" {
				wrong.Add(path+".subject", "%v", err)
			}
		} else if a.Issuer == roster.KeyIssuer {
			wrong.Add(path+".issuer", "only a programme is known by a key; write the provider that vouches for them")
		}
		list.Accounts = append(list.Accounts, roster.Account{
			ID: roster.AccountID(a.ID), Organisation: roster.OrganisationID(a.Organisation), Role: role, Name: a.Name,
			Identity: identity, Opened: now,
			Proposer: roster.AccountID(a.Proposer), Mail: mailOf(wrong, path, a.Mail), Until: a.Until, Review: s.reviewed(role, now),
		})
		for j, h := range a.Habilitation {
			list.Habilitations = append(list.Habilitations, h.compile(wrong, index(path+".habilitation", j), roster.AccountID(a.ID), role, s, now))
		}
	}
	for i, a := range f.Account {
		if a.Proposer != "" && accountIDs[roster.Alike(a.Proposer)] != a.Proposer { // a lineage under another spelling is none
			wrong.Add(index("account", i)+".proposed_by", "no account has this id; write it as the roster does")
		}
	}
	return list
}

// reviewed is when managers must have confirmed an account that is there from now on; never
// one of the security desk, which confirms theirs.
func (s Settings) reviewed(role roster.Role, now time.Time) time.Time {
	if role == roster.Security {
		return time.Time{}
	}
	return now.Add(s.Review)
}

// mailOf is an address in its one spelling; empty when there is none.
func mailOf(wrong *document, path, typed string) string {
	if typed == "" {
		return ""
	}
	mail, err := roster.Mail(typed)
	if err != nil {
		wrong.Add(path+".mail", "%v", err)
	}
	return mail
}

// checkName wants a name that is seen whole, where there is one.
func checkName(wrong *document, path, name string) {
	if err := roster.CheckName(name); err != nil && name != "" {
		wrong.Add(path+".name", "%v", err)
	}
}

// spellings holds ids by what they read like.
type spellings map[string]string

func (s spellings) add(id string) { s[roster.Alike(id)] = id }

// check wants an id that cannot be taken for another one.
func (s spellings) check(wrong *document, path, id string) {
	if id == "" {
		return // complained of already
	}
	if err := roster.CheckID(id); err != nil {
		wrong.Add(path, "%v", err)
		return
	}
	if other, taken := s[roster.Alike(id)]; taken && other != id {
		wrong.Add(path, "reads like %q, which the roster has; write that, or an id of its own", other)
		return
	}
	s.add(id)
}

func (h habilitationTable) compile(wrong *document, path string, account roster.AccountID, role roster.Role, s Settings, now time.Time) roster.Habilitation {
	if h.From.IsZero() {
		h.From = ledger.Cut(now)
	}
	if !h.Until.IsZero() && !h.Until.After(h.From) {
		wrong.Add(path+".until", "it ends before it begins")
	}
	if role != "" && !role.ReadsFiles() {
		wrong.Add(path, "a %s reads no file, so it has no habilitation", role)
	}
	if h.Service != "" && !s.Declares(roster.ServiceID(h.Service)) {
		wrong.Add(path+".service", "no such service is declared in the configuration")
	}
	if _, declared := s.Rules.Purposes[roster.Purpose(h.Purpose)]; h.Purpose != "" && !declared {
		wrong.Add(path+".purpose", "no such purpose is declared in the configuration")
	}
	return roster.Habilitation{
		Account: account, Service: roster.ServiceID(h.Service), Purpose: roster.Purpose(h.Purpose), From: h.From, Until: h.Until,
	}
}
