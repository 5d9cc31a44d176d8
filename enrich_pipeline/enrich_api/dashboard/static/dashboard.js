// What HTML cannot do by itself: put a key on the clipboard, and say so. Without scripts the forms show the key instead.
async function copy(text, told) {
  await navigator.clipboard.writeText(text);
  told.textContent = "Copied";
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const told = button.parentElement.querySelector("[aria-live]");
  button.addEventListener("click", () =>
    copy(source.textContent, told).catch(() => {
      getSelection().selectAllChildren(source);
      told.textContent = "Selected: press Ctrl-C or Cmd-C";
    }),
  );
}

for (const form of document.querySelectorAll("[data-copy-form]")) {
  const told = form.querySelector("[aria-live]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/plain" } });
      if (!answer.ok) throw new Error(answer.status);
      await copy(await answer.text(), told);
    } catch {
      form.submit();
    }
  });
}
