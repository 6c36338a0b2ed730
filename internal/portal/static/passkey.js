// A form that asks for a passkey, or for one to be made: the browser's answer is posted
// with the rest of it. Without this module the page says what else can be done.

async function answer(form) {
  const options = JSON.parse(form.dataset.options);
  if (form.dataset.passkey === "create") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const failed = form.querySelector("[data-passkey-failed]");
  const buttons = form.querySelector("[data-passkey-do]");
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    failed.hidden = false;
    continue;
  }
  buttons.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    try {
      form.elements["passkey-answer"].value = JSON.stringify(await answer(form));
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}
