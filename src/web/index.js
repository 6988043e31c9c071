// Shows the addresses as they are to be copied, with this page's host in front.
for (const element of document.querySelectorAll('[data-path]')) {
  element.textContent = new URL(element.dataset.path, location.href).href
}
