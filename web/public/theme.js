// What was chosen with the switch; nothing where the system decides.
try {
  const chosen = localStorage.getItem('meridian-theme')
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
} catch {
  // A browser that keeps nothing for us: the system decides.
}
