// Small repairs to the page of the chat.
(() => {
  let seen = 0;
  // Gradio names each message, for screen readers, by its source text: markup and character references, unreadable aloud.
  const named = (element) => {
    const label = element.getAttribute("aria-label");
    if (label && label.includes("<")) {
      element.setAttribute("aria-label", element.querySelector(".kq-question") ? "Your question" : "Answer");
    }
  };
  new MutationObserver(() => {
    document.querySelectorAll("[aria-label*='<']").forEach(named);
    // Each new question goes to the top of the conversation, so that a long answer is read from its beginning.
    const questions = document.querySelectorAll(".kq-question");
    if (questions.length > seen) {
      questions[questions.length - 1].scrollIntoView({ block: "start" });
    }
    seen = questions.length;
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"] });
})();
