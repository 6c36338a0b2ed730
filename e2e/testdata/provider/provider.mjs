// A provider of OpenID Connect that nobody here wrote: oidc-provider, as its documentation
// configures it, with the pages that it has for trying it out.
//
//   node provider.mjs LIBRARY PORT ORIGIN SECRET
const [library, port, origin, secret] = process.argv.slice(2);
const { default: Provider } = await import(library);

const provider = new Provider(`http://localhost:${port}`, {
	clients: [{
		client_id: "poterne",
		client_secret: secret,
		redirect_uris: [`${origin}/.poterne/callback`],
		post_logout_redirect_uris: [`${origin}/.poterne/left`],
	}],
	claims: { openid: ["sub"], email: ["email"], profile: ["given_name", "family_name"] },
	async findAccount(_, id) {
		return { accountId: id, claims: async () => ({ sub: id, email: `${id}@ml-valbourg.example`, given_name: "Alix", family_name: "Morel" }) };
	},
	cookies: { keys: [secret] },
});
provider.listen(Number(port), "127.0.0.1");
